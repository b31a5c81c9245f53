'use strict';

// SQLite by better-sqlite3: each transaction runs at once, without `await`, so that one connection serves everybody.

const { existsSync } = require('node:fs');

const { HandlerFailed, HostError, NeedsAccount, Retry, SchemaError, Unavailable } = require('./errors.cjs');
const { connectionOf, lendSync } = require('./guard.cjs');
const { peer } = require('./peer.cjs');

/** How long a busy database is tried again, in milliseconds. */
const PATIENCE = 5_000;
/** A connection of the host's own never blocks the event loop for longer. */
const BUSY_MS = 50;

class SqliteDatabase {
  #file;
  #opened = null;
  #hooks;
  #begin;
  #commit;
  #statements = new Map();

  constructor(given, dialect, hooks) {
    this.dialect = dialect;
    this.#hooks = hooks;
    this.#file = typeof given === 'string' ? fileOf(given) : null;
    if (this.#file === null) this.#use(checked(given));
  }

  #use(db) {
    this.#opened = db;
    this.#begin = db.prepare('BEGIN IMMEDIATE');
    this.#commit = db.prepare('COMMIT');
  }

  /** A connection of the host's own is opened at its first use: a mistyped path must not become an empty database. */
  get #db() {
    if (this.#opened === null) {
      if (this.isMissing()) throw new SchemaError(`database: there is no \`${this.#file}\`. Correct the path, or make it with \`rulebound migrate\`.`);
      this.#use(opened(this.#file));
    }
    return this.#opened;
  }

  /** Whether there is no file yet. */
  isMissing() {
    return this.#opened === null && this.#file !== ':memory:' && !existsSync(this.#file);
  }

  /** Makes the file if there is none. */
  create() {
    if (this.#opened === null) this.#use(opened(this.#file));
  }

  /** Runs a script in a transaction of its own, again while the database is busy. */
  run(script) {
    return this.#again(() => this.#transact(() => this.#drive(script())));
  }

  read(script) {
    return this.#again(() => {
      this.#begins();
      return this.#drive(script());
    });
  }

  /** Runs a script in the caller's transaction. */
  runIn(tx, script, { resultOf }) {
    const db = connectionOf(tx);
    if (db !== this.#db) throw new HostError('tx: is not the connection of the host. Give the host your connection when you make it.');
    if (!db.inTransaction) throw new HostError('tx: has no transaction. Use `host.transaction`, or `BEGIN IMMEDIATE` first.');
    try {
      return resultOf(this.#drive(script()));
    } catch (error) {
      throw translated(error);
    }
  }

  /** The application's own work and the host's in one transaction. */
  transaction(work) {
    return this.#again(() => this.#transact(() => lendSync(this.#db, 'transaction', (tx) => sync(work(tx), 'The function of a transaction'))));
  }

  async close() {
    if (this.#file !== null) this.#opened?.close();
  }

  /** Where tests take the database away. */
  #begins() {
    try {
      this.#hooks.begin?.();
    } catch (error) {
      throw new Unavailable(error);
    }
  }

  #transact(work) {
    this.#begins();
    const db = this.#db;
    // Between two `await`s of the application its own transaction may be open.
    if (db.inTransaction) throw new Retry('The connection has an open transaction. Commit it before you await.');
    this.#begin.run();
    try {
      const result = work();
      this.#commit.run();
      return result;
    } catch (error) {
      if (db.inTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }

  async #again(attempt) {
    const end = performance.now() + PATIENCE;
    for (;;) {
      try {
        return attempt();
      } catch (error) {
        const translation = translated(error);
        const isOver = translation instanceof NeedsAccount || performance.now() > end;
        if (!(translation instanceof Retry) || isOver) throw translation;
      }
      await new Promise((done) => setTimeout(done, 2 + Math.random() * 20));
    }
  }

  #drive(script) {
    let step = script.next();
    while (!step.done) step = script.next(this.#answer(step.value));
    return step.value;
  }

  #answer(asked) {
    if (asked.run !== undefined) return this.#call(asked);
    if (asked.statements !== undefined) return asked.statements.map((it) => this.#execute(it).count);
    return this.#execute(asked);
  }

  #call({ run }) {
    try {
      return lendSync(this.#db, 'onTx: the transaction of the handler', (tx) => sync(run(tx), 'A handler in a transaction'));
    } catch (error) {
      throw error instanceof HostError ? new HandlerFailed(error) : error;
    }
  }

  #execute({ text, params }) {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.#db.prepare(this.dialect.compile(text));
      if (statement.reader) statement.raw();
      this.#statements.set(text, statement);
    }
    if (statement.reader) {
      const rows = statement.all(params);
      return { rows, count: rows.length };
    }
    return { rows: [], count: statement.run(params).changes };
  }
}

function sync(result, who) {
  if (typeof result?.then !== 'function') return result;
  result.then(undefined, () => {});
  throw new HostError(`${who} returned a promise. On SQLite it must be synchronous.`);
}

function translated(error) {
  if (/^SQLITE_BUSY/.test(error?.code)) return new Retry('The database is busy.', { cause: error });
  if (/no such table: rulebound_/.test(error?.message)) {
    return new SchemaError('The tables are missing. Run `rulebound migrate`.', { cause: error });
  }
  return error;
}

function fileOf(url) {
  const file = /^sqlite:\/\/\/(.+)$/.exec(url)?.[1];
  if (file === undefined) throw new HostError('database: write `sqlite:///file.db`, or `sqlite:////folder/file.db` from the root.');
  peer('better-sqlite3', 'SQLite');
  return file;
}

function opened(file) {
  const Database = peer('better-sqlite3', 'SQLite');
  const db = new Database(file, { timeout: BUSY_MS });
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  return db;
}

/** A crash of the machine must not take back a commit: a request may have been sent since. */
function checked(db) {
  if (db.memory || db.pragma('synchronous', { simple: true }) >= 2) return db;
  throw new HostError("database: the connection can lose commits in a crash. Set `db.pragma('synchronous = FULL')` behind WAL.");
}

module.exports = { SqliteDatabase };
