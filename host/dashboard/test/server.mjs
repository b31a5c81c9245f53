// The dashboard's API over the host in memory, as the contract of the host kits has it. Only Node's own http.

import { createServer } from 'node:http';
import { readFileSync, readdirSync } from 'node:fs';
import { extname, join } from 'node:path';

import { webhookIds } from 'rulebound';

import { Refused } from './host.mjs';

const TYPES = { '.html': 'text/html; charset=utf-8', '.css': 'text/css; charset=utf-8', '.js': 'text/javascript; charset=utf-8' };
const HEADERS = {
  'Content-Security-Policy': "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer', 'Cache-Control': 'no-store',
};
const PAGE = 50;
const MOUNT = '/ops';

/** Serves a host below `/ops/`. `server.access` can be changed; `server.requests` has what was asked. */
export async function serve(host, folder) {
  const files = new Map(readdirSync(folder).filter((name) => extname(name) in TYPES).map((name) => [name === 'index.html' ? '' : name, name]));
  const state = { access: () => 'all', requests: [], host };
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://host');
    const body = await bodyOf(request);
    state.requests.push({ method: request.method, path: url.pathname, headers: request.headers, body });
    const reply = replyTo(state, folder, files, request, url, body);
    response.writeHead(reply.status, { ...HEADERS, ...reply.headers });
    response.end(request.method === 'HEAD' ? '' : reply.body);
  });
  await new Promise((done) => server.listen(state.port ?? 0, '127.0.0.1', done));
  const { port } = server.address();
  const close = () => new Promise((done) => { server.close(done); server.closeAllConnections(); });
  const again = () => new Promise((done) => server.listen(port, '127.0.0.1', done));
  return Object.assign(state, { url: `http://127.0.0.1:${port}${MOUNT}/`, origin: `http://127.0.0.1:${port}`, close, again });
}

async function bodyOf(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
}

function replyTo(state, folder, files, request, url, body) {
  try {
    const access = request.headers['x-test-access'] ?? state.access();
    if (access === 'forbidden') throw new Refused(403, 'Forbidden', 'access');
    if (url.pathname === MOUNT) return { status: 307, headers: { location: `${MOUNT}/` }, body: '' };
    const path = url.pathname.slice(MOUNT.length + 1);
    const isPost = ['api/answer', 'api/retry'].includes(path);
    const allowed = isPost ? ['POST'] : ['GET', 'HEAD'];
    const name = files.get(path);
    const view = name === undefined && !isPost && viewOf(path);
    if (name === undefined && !isPost && !view) throw new Refused(404, 'NotFound', 'path');
    if (!allowed.includes(request.method)) return error(405, 'MethodNotAllowed', request.method, { Allow: allowed.join(', ') });
    if (name !== undefined) return { status: 200, headers: { 'Content-Type': TYPES[extname(name)] }, body: readFileSync(join(folder, name)) };
    if (path === 'api/texts') return json(readFileSync(join(folder, 'texts.json')));
    if (isPost) return json(JSON.stringify({ row: rowOf(state.host, post(state.host, path, access, request, body)) }));
    return json(JSON.stringify(view(state.host, url.searchParams, access)));
  } catch (fault) {
    if (fault instanceof Refused) return error(fault.status, fault.kind, fault.code);
    return error(500, 'Internal', fault.constructor.name);
  }
}

function json(body) {
  return { status: 200, headers: { 'Content-Type': 'application/json' }, body };
}

function error(status, kind, code, headers = {}) {
  return { status, headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify({ error: { class: kind, code } }) };
}

function post(host, path, access, { headers }, body) {
  if (access !== 'all') throw new Refused(403, 'Forbidden', 'read_only');
  const site = headers['sec-fetch-site'];
  const isSame = site === undefined ? hostOf(headers.origin) === headers.host : site === 'same-origin';
  const isJson = headers['content-type']?.split(';')[0].trim() === 'application/json';
  if (!isSame || !isJson || headers['x-rulebound'] !== '1') throw new Refused(403, 'Forbidden', 'origin');
  if (body.length > 16_384) throw new Refused(413, 'TooLarge', 'body');
  const given = parsed(body);
  const needed = path === 'api/answer' ? ['flow', 'key', 'review', 'verdict'] : ['flow', 'key'];
  for (const member of needed) if (typeof given[member] !== 'string') throw new Refused(400, 'BadRequest', member);
  if (path === 'api/answer' && !['string', 'undefined'].includes(typeof (given.id ?? undefined))) throw new Refused(400, 'BadRequest', 'id');
  return path === 'api/answer' ? host.answer(given) : host.retry(given);
}

function parsed(body) {
  try {
    const value = JSON.parse(body);
    if (value && typeof value === 'object' && !Array.isArray(value)) return value;
  } catch { /* Said below. */ }
  throw new Refused(400, 'BadRequest', 'body');
}

function viewOf(path) {
  if (path.startsWith('api/lists/')) return (host, parameters) => list(host, path.slice(10), parameters.get('after'));
  return { 'api/stats': stats, 'api/search': search, 'api/row': row, 'api/texts': () => null }[path];
}

const LISTS = {
  due: { of: (row, now) => row.wake_at !== null && row.wake_at <= now, by: (row) => row.wake_at },
  waiting: { of: (row, now) => row.wake_at > now, by: (row) => row.wake_at },
  failing: { of: (row) => row.failing > 0 || row.tries > 0, by: (row) => row.updated_at },
  reviews: { of: (row) => row.reviews > 0, by: (row) => row.updated_at },
  recent: { of: () => true, by: (row) => -row.updated_at },
};

function list(host, name, after) {
  if (!['inbox', 'refused'].includes(name) && !Object.hasOwn(LISTS, name)) throw new Refused(404, 'NotFound', 'list');
  const from = after === null ? 0 : Number(after);
  if (!Number.isInteger(from) || from < 0) throw new Refused(400, 'BadRequest', 'after');
  const { of, by } = LISTS[name] ?? {};
  const every = name === 'inbox' ? host.inbox.map(entryOf) : name === 'refused' ? refusals(host)
    : [...host.rows.values()].map((it) => rowOf(host, it)).filter((it) => of(it, host.now)).sort((a, b) => by(a) - by(b));
  const next = every.length > from + PAGE ? String(from + PAGE) : null;
  return { [{ inbox: 'entries', refused: 'refusals' }[name] ?? 'rows']: every.slice(from, from + PAGE), next };
}

/** The lines of what was rejected or refused, the newest first. A row of which nothing was saved is none. */
function refusals(host) {
  const isRefused = (it) => it.kind === 'rejected' || it.failure?.kind === 'refused';
  const of = ({ flow, key, account, reference, snapshot, journal }) => {
    const row = snapshot.revision === 0 ? { account: null, reference: null } : { account, reference };
    return journal.filter(isRefused).map((it) => ({ ...it, flow, key, ...row }));
  };
  return [...host.rows.values()].flatMap(of).sort((a, b) => b.at - a.at);
}

/** An entry without its body and its payment tokens. */
function entryOf({ fact, ...entry }) {
  const { ids } = webhookIds(entry.provider, fact);
  return { ...entry, ids: ids.map((it) => it.kind === 'payment_token' || it.id) };
}

function rowOf(host, { flow, key, account, reference, snapshot, wake_at, tries, last_error, created_at, updated_at }) {
  const effects = snapshot.effects(host.context());
  return { flow, key, account, reference, revision: snapshot.revision, wake_at, reviews: effects.filter((it) => it.type === 'review').length,
    failing: effects.filter((it) => it.attempts >= 5).length, tries, last_error, created_at, updated_at };
}

function search(host, parameters) {
  const q = parameters.get('q') ?? '';
  const fits = (it) => it.key === q || it.reference?.startsWith(q) || it.snapshot.ids().some(({ id }) => id === q);
  return { rows: q === '' ? [] : [...host.rows.values()].filter(fits).slice(0, PAGE).map((it) => rowOf(host, it)) };
}

function row(host, parameters) {
  for (const name of ['flow', 'key']) if (!parameters.get(name)) throw new Refused(400, 'BadRequest', name);
  const before = parameters.get('before') === null ? Infinity : Number(parameters.get('before'));
  if (Number.isNaN(before)) throw new Refused(400, 'BadRequest', 'before');
  const found = host.find(parameters.get('flow'), parameters.get('key'));
  const { snapshot } = found;
  const context = host.context();
  const journal = found.journal.filter((it) => it.seq < before).slice(-200).reverse();
  return { row: rowOf(host, found), status: withoutSecrets(snapshot.status(context)), effects: withoutSecrets(snapshot.effects(context)),
    waiting_for: withoutSecrets(snapshot.waitingFor(context)), actions: snapshot.actions(context), ids: withoutSecrets(snapshot.ids()), journal };
}

/** A customer's page and a payment token are for nobody who looks: whether there is one is all that is said. */
function withoutSecrets(value) {
  return JSON.parse(JSON.stringify(value), function hide(key, it) {
    const isSecret = key === 'customer_url' || key === 'payment_token' || (key === 'id' && this.kind === 'payment_token');
    return isSecret && it !== null ? true : it;
  });
}

function stats(host, _, access) {
  const rows = [...host.rows.values()].map((it) => rowOf(host, it));
  const due = rows.filter((it) => LISTS.due.of(it, host.now));
  const sum = (member) => rows.reduce((total, it) => total + it[member], 0);
  const oldest = (instants) => (instants.length ? host.now - Math.min(...instants) : 0);
  const gauges = { oldest_overdue_ms: oldest(due.map((it) => it.wake_at)), due: due.length, inbox_age_ms: oldest(host.inbox.map((it) => it.received_at)),
    failing_effects: sum('failing'), reviews_open: sum('reviews'), accounts_paused: host.pauses.filter((it) => it.until > host.now).length, oldest_held_ms: 0,
    refused_in_day: refusals(host).filter((it) => it.failure && it.at > host.now - 86_400_000).length };
  return { gauges, access, now: host.now, pauses: host.pauses };
}

function hostOf(origin) {
  return URL.canParse(origin ?? '') ? new URL(origin).host : null;
}
