'use strict';

// The dashboard as `(Request) => Response`: the page's files, and the JSON API that they call.

const { existsSync, readFileSync, readdirSync } = require('node:fs');
const { extname, join } = require('node:path');

const admin = require('./admin.cjs');
const commands = require('./commands.cjs');
const { FILES } = require('./dialect.cjs');
const { HostError, NoReview, Retry, RowLocked, Unavailable, UnknownRow } = require('./errors.cjs');
const { below, readBody } = require('./http.cjs');
const records = require('./records.cjs');

const FOLDER = join(FILES, 'dashboard');
const LIMIT = 16 * 1024;
const TYPES = { '.html': 'text/html', '.css': 'text/css', '.js': 'text/javascript' };
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

/** A reply that is an error: its class and its code, never a message. */
class Refusal extends Error {
  constructor(status, type, code, headers = {}) {
    super(`${type} ${code}`);
    this.response = json({ error: { class: type, code } }, status, headers);
  }
}

const badRequest = (code) => new Refusal(400, 'BadRequest', code);
const notFound = (code) => new Refusal(404, 'NotFound', code);

function json(value, status = 200, headers = {}) {
  return new Response(JSON.stringify(value), { status, headers: { ...HEADERS, 'content-type': 'application/json', ...headers } });
}

/** No name has it, and PostgreSQL takes no text with it. */
const NUL = '\0';

/** The dashboard below `prefix`. `access(request)` gives `all`, `read_only` or `forbidden`; it can be asynchronous. */
function dashboard(host, { access, prefix = '/rulebound' }) {
  if (typeof access !== 'function') throw new HostError('access: is missing. Give a function that says who can see the dashboard.');
  const files = pageFiles();
  return async (request) => {
    try {
      const response = await answer(host, request, { access, prefix, files });
      return request.method === 'HEAD' ? new Response(null, response) : response;
    } catch (error) {
      return failure(host, error);
    }
  };
}

function failure(host, error) {
  if (error instanceof Refusal) return error.response;
  const { log } = host.internals.kit;
  log({ level: 'error', event: 'dashboard_failed', error: error.name, message: error.message });
  if (isDatabase(error)) return new Refusal(503, 'Unavailable', 'database').response;
  return new Refusal(500, 'Internal', error.name ?? 'Error').response;
}

/** What says that the database is not there, or does not answer. */
const UNANSWERED = [Unavailable, Retry, RowLocked];
const isDatabase = (error) => UNANSWERED.some((it) => error instanceof it) || /^(SQLITE_|57P0|08)/.test(error?.code);

async function answer(host, request, { access, prefix, files }) {
  const url = new URL(request.url);
  const path = below(url.pathname, prefix);
  const { allowed, name: person } = visitorOf(await access(request));
  if (allowed !== 'all' && allowed !== 'read_only') throw new Refusal(403, 'Forbidden', 'access');
  if (path === null) throw notFound('path');
  if (path === '') return new Response(null, { status: 307, headers: { ...HEADERS, location: `${url.pathname}/${url.search}` } });
  const file = files.get(path.slice(1) || 'index.html');
  if (file !== undefined) return allowing(request, ['GET', 'HEAD'], () => new Response(file.bytes, { headers: { ...HEADERS, 'content-type': file.type } }));
  const name = /^\/api\/(.+)$/.exec(path)?.[1];
  if (Object.hasOwn(POSTS, name)) {
    return allowing(request, ['POST'], async () => {
      if (allowed !== 'all') throw new Refusal(403, 'Forbidden', 'read_only');
      checkOrigin(request, url);
      return json(await POSTS[name](host, await bodyOf(request), person));
    });
  }
  const [kind, list] = (name ?? '').split('/');
  if (!Object.hasOwn(GETS, kind) || (list !== undefined && kind !== 'lists')) throw notFound('path');
  return allowing(request, ['GET', 'HEAD'], () => GETS[kind](host, { parameters: url.searchParams, list, allowed }));
}

/** What `access` says: the word alone, or `{ access, name }`, so that the journal names the person. */
function visitorOf(given) {
  if (typeof given !== 'object' || given === null) return { allowed: given, name: 'dashboard' };
  const { access, name } = given;
  if (name !== undefined && (typeof name !== 'string' || name === '')) throw new HostError('access: `name` is no text that is not empty. Leave it out if you do not know it.');
  return { allowed: access, name: name ?? 'dashboard' };
}

function allowing({ method }, methods, act) {
  if (methods.includes(method)) return act();
  throw new Refusal(405, 'MethodNotAllowed', method, { allow: methods.join(', ') });
}

const GETS = {
  async lists(host, { list, parameters }) {
    if (!records.VIEWS.includes(list)) throw notFound('list');
    const { kit, run } = host.internals;
    const after = cursor(list, parameters.get('after'));
    return json(await run(() => records.list(kit, list, after)));
  },
  async search(host, { parameters }) {
    const wanted = parameters.get('q') ?? '';
    return json(wanted.includes(NUL) ? { rows: [] } : await host.internals.run(() => records.search(wanted)));
  },
  async row(host, { parameters }) {
    const { kit, run } = host.internals;
    const { flow, key } = nameOf(Object.fromEntries(parameters));
    const before = parameters.get('before');
    if (before !== null && !/^\d{1,15}$/.test(before)) throw badRequest('before');
    const found = await run(() => records.detail(kit, flow, key, before === null ? null : Number(before)));
    if (found === null) throw notFound('row');
    return json(found);
  },
  async stats(host, { allowed }) {
    const { kit, run } = host.internals;
    const gauges = await run(() => admin.stats(kit));
    return json({ gauges, access: allowed, now: kit.clock(), pauses: await run(records.pausesNow) });
  },
};

const POSTS = {
  async answer(host, { review, verdict, id = null, ...name }, person) {
    const { kit, run } = host.internals;
    const { flow, key } = nameOf(name);
    if (typeof review !== 'string') throw badRequest('review');
    if (typeof verdict !== 'string') throw badRequest('verdict');
    if (id !== null && typeof id !== 'string') throw badRequest('id');
    try {
      const row = await run(() => commands.answer(kit, flow, key, review, verdict, id, person));
      host.wake();
      return { row: { ...row } };
    } catch (error) {
      if (error instanceof UnknownRow) throw notFound('row');
      if (!(error instanceof NoReview)) throw error;
      throw error.code === 'review' ? new Refusal(409, 'Conflict', 'review') : badRequest(error.code);
    }
  },
  async retry(host, name, person) {
    const { kit, run } = host.internals;
    const { flow, key } = nameOf(name);
    const row = await run(() => commands.retry(kit, flow, key, person));
    if (row === null) throw notFound('row');
    host.wake();
    return { row };
  },
};

function nameOf({ flow, key }) {
  if (typeof flow !== 'string' || flow === '') throw badRequest('flow');
  if (typeof key !== 'string' || key === '') throw badRequest('key');
  if (flow.includes(NUL) || key.includes(NUL)) throw notFound('row');
  return { flow, key };
}

/** The place behind which a page begins. */
function cursor(list, text) {
  const found = text === null ? null : records.cursor(list, text);
  if (text !== null && found === null) throw badRequest('after');
  return found;
}

/** Another page must not be able to make the browser of a person who can do it send this. */
function checkOrigin({ headers }, { host }) {
  const type = (headers.get('content-type') ?? '').split(';')[0].trim().toLowerCase();
  const site = headers.get('sec-fetch-site');
  const origin = headers.get('origin') ?? '';
  const isSame = site === null ? origin.replace(/^https?:\/\//, '') === (headers.get('host') ?? host) : site === 'same-origin';
  if (type !== 'application/json' || headers.get('x-rulebound') !== '1' || !isSame) throw new Refusal(403, 'Forbidden', 'origin');
}

async function bodyOf(request) {
  const body = await readBody(request, LIMIT);
  if (body === null) throw new Refusal(413, 'TooLarge', 'body');
  try {
    const value = JSON.parse(body.toString());
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Refused below.
  }
  throw badRequest('body');
}

/** The page's files, as they are; `api/texts` are the catalogue's words. */
function pageFiles() {
  if (!existsSync(FOLDER)) throw new HostError('The files of the dashboard are missing from the package. Install it again.');
  const names = readdirSync(FOLDER).filter((name) => Object.hasOwn(TYPES, extname(name)));
  const files = names.map((name) => [name, { bytes: readFileSync(join(FOLDER, name)), type: `${TYPES[extname(name)]}; charset=utf-8` }]);
  return new Map([...files, ['api/texts', { bytes: readFileSync(join(FOLDER, 'texts.json')), type: 'application/json' }]]);
}

module.exports = { dashboard };
