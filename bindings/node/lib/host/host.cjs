'use strict';

const { facts } = require('../index.cjs');
const admin = require('./admin.cjs');
const { checkOptions, checkRequest, checkTexts, checkTime } = require('./checks.cjs');
const commands = require('./commands.cjs');
const { dashboard } = require('./dashboard.cjs');
const { Dialect } = require('./dialect.cjs');
const { HostError, LookupFailed, NeedsAccount, UnknownRow } = require('./errors.cjs');
const { plugin } = require('./fastify.cjs');
const inbox = require('./inbox.cjs');
const { Kit, TIMEOUT_MS, flowClass, noAccount } = require('./kit.cjs');
const { webhookRoute } = require('./routes.cjs');
const records = require('./records.cjs');
const schema = require('./schema.cjs');
const { complete, send } = require('./send.cjs');
const { telemetry } = require('./telemetry.cjs');
const { read, visit } = require('./visit.cjs');
const { callback, receive } = require('./webhooks.cjs');
const { Worker } = require('./worker.cjs');

/** `hooks` is for the kit's own tests: checkpoints, and a monotonic clock. */
const OPTIONS = ['config', 'clock', 'log', 'schema', 'namedStatements', 'send', 'hooks'];
const HANDLE = ['tx', 'actor', 'reference', 'account'];
const DAY = 86_400_000;
const [JOURNAL_MS, INBOX_MS] = [400 * DAY, 30 * DAY];
/** How many adoptions are one transaction. */
const BATCH = 50;

/** The part of a backend that stores snapshots, sends requests and receives webhooks. */
class Host {
  #database;
  #kit;
  #send;
  #worker;
  /** How many rows the last `doctor({ restored })` has told of the backup. */
  restoredRows = 0;

  constructor(database, providers, options = {}) {
    for (const name of Object.keys(options)) {
      if (!OPTIONS.includes(name)) throw new HostError(`${name}: is none of ${OPTIONS.filter((it) => it !== 'hooks').join(', ')}.`);
    }
    const { schema: name = 'public', log = print, clock, hooks: given } = options;
    const hooks = { checkpoint() {}, monotonic: () => performance.now(), sleep, ...given };
    const isPostgres = typeof database === 'string' ? /^postgres(ql)?:/.test(database) : typeof database?.connect === 'function';
    const dialect = isPostgres ? new Dialect('postgres', name, clock === undefined) : new Dialect('sqlite');
    this.#kit = new Kit(dialect, providers, { ...options, log, hooks });
    this.#database = opened(database, dialect, hooks, options);
    this.#send = options.send ?? send;
    this.#worker = new Worker({ run: (script) => this.#run(script), send: this.#send }, this.#kit);
  }

  /** One transaction with your own rows. On SQLite `work` must be synchronous. */
  transaction(work) {
    return this.#withAccounts(() => this.#database.transaction(work));
  }

  /** Looks up an account, unless that was done within a minute: before a transaction of your own in which a row of it is handled. */
  async lookUp(provider, account) {
    await this.#kit.account(provider, account);
  }

  /** Decides and saves a command, and gives the row; throws `Rejected`. With `tx` it is part of the caller's transaction. */
  handle(flow, key, command, given = {}) {
    checkOptions('handle', given, HANDLE);
    const { tx, ...options } = given;
    checkTexts('handle', options);
    const id = flowClass(flow).flow;
    const script = () => commands.handle(this.#kit, id, key, command, options, tx === undefined);
    const rowOf = ({ row, error }) => {
      if (error !== undefined) throw error;
      if (tx === undefined) this.#worker.wake();
      return row;
    };
    return tx === undefined ? this.#run(script).then(rowOf) : this.#runIn(tx, script, { writes: true, resultOf: rowOf });
  }

  /** The row, or null. */
  get(flow, key, options = {}) {
    checkOptions('get', options, ['tx']);
    const { tx } = options;
    const script = () => read(this.#kit, flowClass(flow).flow, key);
    return tx === undefined ? this.#withAccounts(() => this.#database.read(this.#checked(script))) : this.#runIn(tx, script);
  }

  /** The customer's browser came back: lookups are due. It proves nothing. */
  async customerReturned(flow, key, options = {}) {
    checkOptions('customerReturned', options, ['actor']);
    checkTexts('customerReturned', options);
    const { actor = null } = options;
    return this.#observe(flow, key, facts.customerReturned(), actor);
  }

  /** A person's verdict. */
  async answer(flow, key, review, verdict, options = {}) {
    checkOptions('answer', options, ['id', 'actor']);
    checkTexts('answer', options);
    const { id = null, actor = null } = options;
    const script = () => commands.answer(this.#kit, flowClass(flow).flow, key, review, verdict, id, actor);
    const row = await this.#run(script);
    this.#worker.wake();
    return row;
  }

  /** The rows with a question for a person, each with its open reviews, 50 at a time: the least recently changed first. */
  async reviews(options = {}) {
    checkOptions('reviews', options, ['after']);
    const { after = null } = options;
    const from = after === null ? null : records.cursor('reviews', after);
    if (after !== null && from === null) throw new HostError('after: is no cursor. Pass `next` of the page before.');
    return this.#run(() => records.reviews(this.#kit, from));
  }

  /** Looks at a row at once: its failures are forgotten, and the pause of its account ends. */
  async retry(flow, key, options = {}) {
    checkOptions('retry', options, ['actor']);
    checkTexts('retry', options);
    const { flow: id } = flowClass(flow);
    if ((await this.#run(() => commands.retry(this.#kit, id, key, options.actor ?? null))) === null) throw new UnknownRow(id, key);
    this.#worker.wake();
  }

  /** Deletes a row. It asks the provider for nothing: a token there can still be charged, so delete it first. */
  async forget(flow, key) {
    await this.#run(() => commands.forget(this.#kit, flowClass(flow).flow, key));
  }

  /** Deletes an entry of the inbox that no row knows, such as a verified webhook that cannot be read. */
  async dropEntry(id) {
    await this.#run(() => inbox.drop(id));
  }

  /** Adopts what exists already, in batches: `{ flow, key, command, account, reference }`. Returns how many are new. */
  async import(rows, options = {}) {
    checkOptions('import', options, ['perSecond']);
    const { perSecond = 5 } = options;
    if (!(perSecond > 0)) throw new HostError('perSecond: is not above 0. Give how many rows are looked up in a second.');
    const start = this.#kit.clock();
    let [count, place, part] = [0, 0, []];
    const adopt = async () => {
      const rowsOfPart = part;
      part = [];
      count += await this.#run(() => commands.adopt(this.#kit, rowsOfPart, (n) => start + Math.round(((count + n) * 1000) / perSecond)));
    };
    for await (const row of rows) {
      commands.checkImport(place, row);
      place += 1;
      if (part.push(row) === BATCH) await adopt();
    }
    if (part.length > 0) await adopt();
    return count;
  }

  /** A handler outside any transaction: at least once, `row.effectKey(effect)` tells repeats apart. */
  on(kind, call, options = {}) {
    checkOptions('on', options, ['timeoutMs']);
    const { timeoutMs = TIMEOUT_MS } = options;
    this.#kit.register(kind, { call, timeoutMs, isTransactional: false });
    return this;
  }

  /** A handler in the transaction that records `done`: SQL only. */
  onTx(kind, call, options = {}) {
    checkOptions('onTx', options, ['timeoutMs']);
    const { timeoutMs = TIMEOUT_MS } = options;
    this.#kit.register(kind, { call, timeoutMs, isTransactional: true });
    return this;
  }

  /** Effects of this kind are done without a handler. */
  ignore(kind) {
    this.#kit.register(kind, { call: null, timeoutMs: TIMEOUT_MS, isTransactional: false });
    return this;
  }

  /** Stores a webhook, and gives the HTTP status to reply with. The routes of a web framework call it. */
  async webhook(provider, delivery) {
    checkOptions('webhook', delivery, ['headers', 'body', 'account', 'token', 'topic']);
    const status = await receive(this.#kit, (script) => this.#run(script), provider, delivery);
    if (status < 300) this.#worker.wake();
    return status;
  }

  /** What the callback says that a customer's browser has brought to your page. It proves nothing: rows that know its ids look at the provider. */
  async callback(provider, body) {
    const says = await callback(this.#kit, (script) => this.#run(script), provider, body);
    this.#worker.wake();
    return says;
  }

  /** Sends a request of no row, such as `truemed.listPaymentToken({ … })`, with the account's API key. Nobody repeats it. */
  async sendRequest(provider, request, options = {}) {
    checkOptions('sendRequest', options, ['account']);
    checkTexts('sendRequest', options);
    const { account = '' } = options;
    checkRequest(request);
    const found = await this.#kit.account(provider, account);
    if (found === null) throw noAccount(provider, account);
    const { timeoutMs = TIMEOUT_MS } = this.#kit.accounts.providers[provider];
    const reply = await this.#send({ ...complete(request, found.apiKey), timeoutMs, provider, account, operation: '' });
    if (reply.status === 401) this.#kit.accounts.forget(provider, account);
    return reply;
  }

  /** For tests: works until nothing is due, and gives what it did; at the time `now`, if it is given. */
  async tick(options = {}) {
    checkOptions('tick', options, ['now']);
    const { now } = options;
    if (now === undefined) return this.#worker.tick();
    const { clock, dialect } = this.#kit;
    if (dialect.ownClock) throw new HostError('tick: `now` needs a host with a clock of its own: `new Host(…, { clock })`.');
    this.#kit.clock = () => Number(now);
    return this.#worker.tick().finally(() => (this.#kit.clock = clock));
  }

  /** The worker's loop, until `stop`, or until `signal` is aborted. `lanes` rows are worked on at a time. Older lines and unknown webhooks go. */
  async run(options = {}) {
    checkOptions('run', options, ['lanes', 'journalMs', 'inboxMs', 'signal']);
    const { lanes = 8, journalMs = JOURNAL_MS, inboxMs = INBOX_MS, signal } = options;
    return this.#worker.run({ lanes, journalMs, inboxMs, signal });
  }

  wake() {
    this.#worker.wake();
  }

  stop() {
    this.#worker.stop();
  }

  /** Closes the connections that the host has opened itself. */
  async close() {
    this.stop();
    await this.#database.close();
  }

  /** When a worker looks at a row or a webhook next, in milliseconds, or null. The simulator moves the time to it. */
  async nextWake() {
    return this.#database.read(this.#checked(() => admin.nextDue()));
  }

  async stats() {
    return this.#database.read(this.#checked(() => admin.stats(this.#kit)));
  }

  /** The journal's gaps and digests. */
  async verify() {
    const problems = [];
    for (let after = ['', '']; after !== null; ) {
      const from = after;
      const page = await this.#run(() => admin.verify(this.#kit, from));
      problems.push(...page.problems);
      after = page.next;
    }
    return problems;
  }

  /**
   * The schema's drift, and accounts that are paused. With `restored`, the time of the backup, each open request of every row counts as
   * sent since, with an unknown outcome: it is looked up, or sent again under the same key. `restoredRows` says of how many rows.
   */
  async doctor(options = {}) {
    checkOptions('doctor', options, ['restored']);
    const { restored = null } = options;
    this.restoredRows = 0;
    const problems = await this.#drift();
    if (problems.some(({ problem }) => problem === 'schema')) return problems;
    if (restored !== null) problems.push(...(await this.#restore(restored)));
    problems.push(...(await this.#run(() => admin.paused(this.#kit))));
    return problems;
  }

  #drift() {
    return this.#database.read(() => schema.drift(this.#kit));
  }

  async #restore(restored) {
    const problems = [];
    checkTime('restored', Number(restored));
    if (Number(restored) > this.#kit.clock() + 60_000) throw new HostError('restored: is in the future. Give the time when the backup was taken.');
    const fact = facts.restored(restored);
    for (let after = ['', '']; after !== null; ) {
      const from = after;
      const rows = await this.#run(() => admin.names(from));
      for (const [flow, key] of rows) {
        const visited = this.#run(() => visit(this.#kit, flow, key, fact, { actor: 'doctor' }));
        await visited.then(
          () => (this.restoredRows += 1),
          (error) => problems.push({ problem: 'row', detail: error.message, flow, key }),
        );
      }
      after = rows.at(-1) ?? null;
    }
    return problems;
  }

  /** Creates or completes the tables. With `dryRun` it only gives the SQL; with `formats` it raises what every worker writes. */
  async migrate(options = {}) {
    checkOptions('migrate', options, ['dryRun', 'formats']);
    const { dryRun = false, formats = false } = options;
    if (dryRun && this.#database.isMissing()) return this.#kit.dialect.migrations().map(({ text }) => text);
    if (dryRun) return this.#database.read(() => schema.missing(this.#kit));
    this.#database.create();
    return this.#database.run(() => schema.migrate(this.#kit, formats));
  }

  /** `(Request) => Response` for webhooks: `POST {prefix}/{provider}`. */
  webhookRoute(options = {}) {
    checkOptions('webhookRoute', options, ['prefix']);
    return webhookRoute(this, options);
  }

  /** `(Request) => Response` for the dashboard below `prefix`. There is none without `access`. */
  dashboard(options = {}) {
    checkOptions('dashboard', options, ['access', 'prefix']);
    return dashboard(this, options);
  }

  /** A plugin of Fastify with both. */
  fastify(options = {}) {
    checkOptions('fastify', options, ['webhooks', 'dashboard']);
    return plugin(this, options);
  }

  /** Exports the gauges to OpenTelemetry, and returns what ends it. */
  telemetry() {
    return telemetry(this);
  }

  /** For the parts of this package that are not the host itself. */
  get internals() {
    return { kit: this.#kit, run: (script) => this.#run(script), once: () => this.#worker.once(), drift: () => this.#drift() };
  }

  async #observe(flow, key, fact, actor) {
    const row = await this.#run(() => commands.observe(this.#kit, flowClass(flow).flow, key, fact, actor));
    this.#worker.wake();
    return row;
  }

  /** A script behind the check of the tables, which is made once. */
  #checked(script) {
    const kit = this.#kit;
    if (kit.isReady) return script;
    return function* checked() {
      yield* schema.ready(kit);
      return yield* script();
    };
  }

  #run(script) {
    return this.#withAccounts(() => this.#database.run(this.#checked(script)));
  }

  #runIn(tx, script, { writes = false, resultOf = (result) => result } = {}) {
    return this.#database.runIn(tx, this.#checked(script), { writes, resultOf });
  }

  /** Runs work again once an account that it needs is known: nothing waits for a lookup within a transaction. */
  async #withAccounts(work) {
    for (const known = new Set(); ; ) {
      try {
        return await work();
      } catch (error) {
        const { provider, account } = error;
        if (!(error instanceof NeedsAccount) || known.has(`${provider} ${account}`)) throw error;
        known.add(`${provider} ${account}`);
        await this.#kit.accounts.lookUp(provider, account).catch((cause) => {
          throw new LookupFailed(error, cause);
        });
      }
    }
  }
}

function opened(database, dialect, hooks, options) {
  const isUrl = typeof database === 'string' && /^(sqlite|postgres(ql)?):/.test(database);
  const isConnection = typeof database?.connect === 'function' || typeof database?.prepare === 'function';
  if (!isUrl && !isConnection) {
    throw new HostError('database: is neither `sqlite:///file.db` nor `postgresql://…`, and neither a `Pool` of pg nor a better-sqlite3 database.');
  }
  if (dialect.isPostgres) return new (require('./postgres.cjs').PostgresDatabase)(database, dialect, hooks, options);
  if (options.namedStatements) throw new HostError('namedStatements: they are for a direct connection to PostgreSQL. Leave it out.');
  return new (require('./sqlite.cjs').SqliteDatabase)(database, dialect, hooks);
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Without a logging hook: one line of JSON to the error stream, of what a person has to know. */
function print(record) {
  if (record.level !== 'info') console.error(JSON.stringify(record));
}

module.exports = { Host };
