// Runs the scenarios of `host/suite`: the same ones for every kit and every database. `host/README.md` describes them.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { RuleboundError } from 'rulebound';

import { Host, HostError, NewerFormat, NotSent, Pending, Rejected, UnknownRow, root } from './kit.mjs';
import { fits } from './shape.mjs';

const HOST = 'ops.example';
/** The headers of every reply of the dashboard. */
const EVERY = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};
const START = 1_700_000_000_000;

/** What a killed process would have done next does not happen. */
class Crash extends Error {}

class Scenario {
  now = START;
  elapsed = 0;
  script = [];
  does = {};
  away = 0;
  crash = null;
  meanwhile = null;
  hosts = {};

  constructor(database, { providers, handlers = {} }) {
    this.database = database;
    this.providers = providers;
    this.handlers = { notify: 'on', fulfill: 'on', access: 'on', ...handlers };
  }

  host(name) {
    this.hosts[name] ??= this.#open();
    return this.hosts[name];
  }

  #open() {
    const it = { sent: [], credentials: [], handled: [] };
    const hooks = {
      checkpoint: (name) => this.#reached(name),
      monotonic: () => this.elapsed,
      sleep: async (ms) => this.advance(ms),
      isCrash: (error) => error instanceof Crash,
      begin: () => {
        if (this.away > 0) {
          this.away -= 1;
          throw new Error('the database is away');
        }
      },
    };
    const send = async (request) => this.#transport(it, request);
    it.host = new Host(this.database.given, this.#providers(), { ...this.database.options, clock: () => this.now, hooks, send, log() {} });
    for (const [kind, how] of Object.entries(this.handlers)) this.#register(it, kind, how);
    return it;
  }

  #providers() {
    const entries = Object.entries(this.providers).map(([name, provider]) => {
      const { api_key, webhook_secrets = [], config = {}, webhook_token, accounts } = provider;
      const limits = ({ max_in_flight: maxInFlight, max_per_second: maxPerSecond }) => ({ maxInFlight, maxPerSecond });
      const options = { apiKey: api_key, webhookSecrets: webhook_secrets, config, webhookToken: webhook_token, ...limits(provider) };
      const camel = (it) => it && { apiKey: it.api_key, config: it.config, webhookSecrets: it.webhook_secrets, ...limits(it) };
      if (accounts) options.account = async (account) => camel(accounts[account]);
      return [name, options];
    });
    return Object.fromEntries(entries);
  }

  #register(it, kind, how) {
    const record = ({ id }) => it.handled.push(id);
    const result = () => {
      if (this.does[kind] === 'raise') throw new Error('the handler fails');
    };
    if (how === 'ignore') it.host.ignore(kind);
    if (how === 'on') it.host.on(kind, async (effect) => [record(effect), result()]);
    if (how === 'on_tx') it.host.onTx(kind, this.database.handler((effect) => record(effect), result));
  }

  #transport(it, { operation, account, url }) {
    it.sent.push(operation);
    it.credentials.push(account);
    const at = this.script.findIndex((entry) => entry.operation === operation);
    assert.notEqual(at, -1, `no script for ${operation} ${url}`);
    const entry = this.script[at];
    entry.times = (entry.times ?? 1) - 1;
    if (entry.times === 0) this.script.splice(at, 1);
    if (entry.fault === 'refused') throw new NotSent('refused');
    if (entry.fault === 'lost' || entry.fault === 'oversized') throw new Error(entry.fault);
    if (entry.fault === 'redirect') return { status: 302, headers: { location: 'https://elsewhere.example/' }, body: '' };
    const { status, headers = {}, body = '' } = entry.reply;
    return { status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) };
  }

  #reached(name) {
    if (this.crash === name) {
      this.crash = null;
      throw new Crash(name);
    }
    if (this.meanwhile?.at !== name) return undefined;
    const { steps } = this.meanwhile;
    this.meanwhile = null;
    return this.run(steps, 'main');
  }

  advance(ms) {
    this.now += ms;
    this.elapsed += Math.max(ms, 0);
  }

  async run(steps, who) {
    for (const step of steps) {
      const [name] = Object.keys(step).filter((it) => it !== 'expect');
      if (typeof this[name] !== 'function') assert.fail(`there is no step ${name}`);
      try {
        await this[name](step[name], step, who);
      } catch (error) {
        error.message = `${JSON.stringify(step).slice(0, 300)}: ${error.message}`;
        throw error;
      }
    }
  }

  other(step) {
    return this.run([step], 'other');
  }

  async handle({ flow, key, command, account, reference, actor, tx }, { expect = {} }, who) {
    const { host } = this.host(who);
    const options = Object.fromEntries(Object.entries({ account, reference, actor }).filter(([, value]) => value !== undefined));
    const outcome = await caught(() =>
      tx === undefined ? host.handle(flow, key, command, options) : this.database.within(host, tx, (it) => host.handle(flow, key, command, { ...options, tx: it })),
    );
    if (expect.rejected) return assert.deepEqual(rejections(outcome.error), expect.rejected);
    if (expect.error) return assert.equal(nameOf(outcome.error), expect.error);
    if (outcome.error) throw outcome.error;
    if (expect.facets) partial(outcome.value.status().facets, expect.facets);
    return undefined;
  }

  script_(entries) {
    this.script.push(...structuredClone(entries));
  }

  async tick(_, { expect = {} }, who) {
    const it = this.host(who);
    const before = { sent: it.sent.length, credentials: it.credentials.length, handled: it.handled.length };
    const { value, error } = await caught(() => it.host.tick());
    if (error instanceof Crash) delete this.hosts[who];
    else if (expect.error) assert.equal(error?.cause?.message, 'the database is away');
    else if (error) throw error;
    for (const list of ['sent', 'credentials', 'handled'].filter((name) => expect[name])) {
      assert.deepEqual(it[list].slice(before[list]), expect[list], list);
      if (value && list !== 'sent') assert.deepEqual(value[list], expect[list], `tick's own ${list}`);
    }
  }

  async webhook({ provider, account, token, topic, headers, body, sign, times = 1 }, { expect = {} }, who) {
    for (let number = 1; number <= times; number += 1) {
      let text = typeof body === 'string' ? body : JSON.stringify(body);
      if (body?.size) text = 'x'.repeat(body.size);
      text = text.replaceAll('$n', String(number));
      const signed = { ...headers, ...(sign && signatures[provider]?.(sign, text, this.now)) };
      const delivery = { headers: signed, body: Buffer.from(text), account, token, topic };
      const { value = null, error } = await caught(() => this.host(who).host.webhook(provider, delivery));
      if (error instanceof Crash) delete this.hosts[who];
      else if (error) throw error;
      if ('status' in expect) assert.equal(value, expect.status);
    }
  }

  async callback({ provider, body }, { expect = {} }, who) {
    const { value, error } = await caught(() => this.host(who).host.callback(provider, typeof body === 'string' ? body : JSON.stringify(body)));
    if (expect.error) assert.ok(error instanceof RuleboundError, String(error));
    else if (error) throw error;
    else assert.deepEqual(value, expect);
  }

  handler({ kind, does }) {
    this.does[kind] = does;
  }

  crash_(checkpoint) {
    this.crash = checkpoint;
  }

  meanwhile_(what) {
    this.meanwhile = what;
  }

  async answer({ flow, key, review, verdict, id, actor }, { expect }, who) {
    await this.#person(() => this.host(who).host.answer(flow, key, review, verdict, { id, actor }), expect);
  }

  async customer_returned({ flow, key }, { expect }, who) {
    await this.#person(() => this.host(who).host.customerReturned(flow, key), expect);
  }

  async forget({ flow, key }, { expect }, who) {
    await this.#person(() => this.host(who).host.forget(flow, key), expect);
  }

  async #person(act, expect) {
    const { error } = await caught(act);
    if (expect?.error) assert.equal(nameOf(error), expect.error);
    else if (error) throw error;
  }

  async row({ flow, key, snapshot }, { expect }) {
    const text = (stored) => (typeof snapshot === 'string' ? snapshot : JSON.stringify({ ...JSON.parse(stored), ...snapshot }));
    if (snapshot !== undefined) await this.database.change(flow, key, text, this.now);
    if (expect) this.#compare(await this.database.row(flow, key), expect);
  }

  async get({ flow, key }, { expect }, who) {
    const row = await this.host(who).host.get(flow, key);
    if (expect === null) return assert.equal(row, null);
    assert.notEqual(row, null, 'there is no row');
    const { facets, effects, waiting_for, ...columns } = expect ?? {};
    if (facets) partial(row.status().facets, facets);
    if (effects) assert.deepEqual(row.effects().map(({ id }) => id), effects);
    if (waiting_for) assert.deepEqual(row.waitingFor().map(({ signal }) => signal), waiting_for);
    return this.#compare(row, columns);
  }

  #compare(row, expect) {
    for (const [name, value] of Object.entries(expect)) {
      const found = name === 'wake_at' && row.wake_at !== null ? row.wake_at - this.now : row[name];
      assert.equal(found, value, name);
    }
  }

  unread() {
    return this.database.unread();
  }

  async tables(_, { expect }) {
    for (const [name, count] of Object.entries(expect)) assert.equal(await this.database.count(name), count, name);
  }

  async journal({ flow, key, without = [] }, { expect }) {
    for (const seq of without) await this.database.remove(flow, key, seq);
    if (!expect) return;
    const lines = await this.database.lines(flow, key);
    const columns = { kinds: 'kind', actors: 'actor', codes: 'code', statuses: 'http_status' };
    const found = Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, lines.map((it) => it[column])]));
    found.money = lines.map((it) => JSON.parse(it.money ?? '[]'));
    for (const [name, values] of Object.entries(expect)) assert.deepEqual(found[name], values, name);
  }

  async request({ method, path, headers = {}, json, body, access = 'all' }, { expect }, who) {
    const respond = this.host(who).host.dashboard({ prefix: '/ops', access: async () => access });
    const own = json === undefined ? {} : { 'content-type': 'application/json', 'x-rulebound': '1', 'sec-fetch-site': 'same-origin' };
    const merged = { ...own, ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])) };
    const sent = Object.entries(merged).filter(([, value]) => value !== null).map(([name, value]) => [name, value.replace('{host}', HOST)]);
    const content = json === undefined ? (body?.size ? 'x'.repeat(body.size) : body) : JSON.stringify(json);
    const url = `http://${HOST}${path.replace('{next}', encodeURIComponent(this.next))}`;
    const init = { method, headers: sent, ...(content !== undefined && { body: Buffer.from(content) }) };
    const response = await respond(new Request(url, init));
    const bytes = Buffer.from(await response.arrayBuffer());
    const text = bytes.toString();
    assert.equal(response.status, expect.status, text);
    for (const [name, value] of Object.entries({ ...EVERY, ...expect.headers })) assert.equal(response.headers.get(name), value, name);
    if (expect.file) assert.ok(bytes.equals(readFileSync(join(root, 'host/dashboard', expect.file))), expect.file);
    if ('body' in expect) assert.equal(text, expect.body);
    for (const secret of expect.not_in_body ?? []) assert.ok(!text.includes(secret), secret);
    if (!expect.json) return;
    const value = JSON.parse(text);
    fits(value, expect.json);
    this.next = value.next;
  }

  async reviews(_, { expect }, who) {
    const { rows, next } = await this.host(who).host.reviews();
    assert.deepEqual({ rows: rows.map(({ row, reviews }) => ({ key: row.key, reviews: reviews.map(({ id }) => id) })), next }, expect);
  }

  async verify(_, { expect }, who) {
    const problems = await this.host(who).host.verify();
    assert.deepEqual(problems.map(({ flow, key, problem }) => ({ flow, key, problem })), expect.problems);
  }

  database_(state) {
    this.away = state === 'away' ? Infinity : (state.away ?? 0);
  }
}

// Steps whose names are those of the scenario's own members.
const RENAMED = { script: 'script_', crash: 'crash_', meanwhile: 'meanwhile_', database: 'database_', advance: 'advance' };

function renamed(step) {
  return Object.fromEntries(
    Object.entries(step).map(([name, value]) => {
      if (name === 'other') return [name, renamed(value)];
      if (name === 'meanwhile') return ['meanwhile_', { ...value, steps: value.steps.map(renamed) }];
      return [RENAMED[name] ?? name, value];
    }),
  );
}

const signatures = {
  truemed: (secret) => ({ 'x-truemed-api-key': secret }),
  flex: (secret, body, now) => {
    const at = Math.floor(now / 1000);
    const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
    const signature = createHmac('sha256', key).update(`msg_1.${at}.${body}`).digest('base64');
    return { 'svix-id': 'msg_1', 'svix-timestamp': String(at), 'svix-signature': `v1,${signature}` };
  },
};

const rejections = (error) => {
  if (!(error instanceof Rejected)) throw error ?? new Error('it was not rejected');
  return error.violations.map(({ rule }) => rule);
};

function nameOf(error) {
  if (error instanceof Pending) return 'pending';
  if (error instanceof UnknownRow) return 'unknown';
  if (error instanceof NewerFormat) return 'invalid_input';
  if (error instanceof HostError && error.message.startsWith('account:')) return 'account';
  if (error instanceof HostError && error.message.startsWith('command:')) return 'invalid_input';
  throw error ?? new Error('nothing was thrown');
}

async function caught(act) {
  try {
    return { value: await act() };
  } catch (error) {
    return { error };
  }
}

/** Only what the scenario names is compared. */
function partial(found, expected) {
  assert.deepEqual(Object.fromEntries(Object.keys(expected).map((name) => [name, found[name]])), expected);
}

export async function play(database, scenario) {
  const played = new Scenario(database, scenario);
  try {
    await played.run(scenario.steps.map(renamed), 'main');
  } finally {
    for (const { host } of Object.values(played.hosts)) await host.close();
  }
}
