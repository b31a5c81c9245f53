'use strict';

// PostgreSQL by `pg`: no session state, and no named statement unless the host asks for them, so that a transaction pooler may be
// between.

const { createHash } = require('node:crypto');

const { checkAfter, checkClient, checkInside, commit, isEnded, rolledBack, watch } = require('./connection.cjs');
const { HandlerFailed, HostError, NeedsAccount, Retry, RowLocked, SchemaError, Unavailable } = require('./errors.cjs');
const { counted, lend } = require('./guard.cjs');
const { peer } = require('./peer.cjs');

const TIMES = 5;
const BEGIN = `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '2s'; SET LOCAL synchronous_commit = on`;
/** Serialization failures and deadlocks. */
const CURABLE = ['40001', '40P01'];
const LOCK_TIMEOUT = '55P03';
/** A statement in a transaction that an earlier one has broken. */
const BROKEN = '25P02';
const INT8 = 20;
const LOCK = 'LOCK TABLE {p}flows IN ACCESS SHARE MODE';

class PostgresDatabase {
  #pool;
  #isOwn;
  #hooks;
  #hasNames;
  #names = new Map();

  constructor(given, dialect, hooks, { namedStatements = false }) {
    this.dialect = dialect;
    this.#hooks = hooks;
    this.#hasNames = namedStatements;
    this.#isOwn = typeof given === 'string';
    this.#pool = this.#isOwn ? new (peer('pg', 'PostgreSQL').Pool)({ connectionString: given }) : given;
    watch(this.#pool);
  }

  /** Runs a script in a transaction of its own, again after what only a new transaction can cure. */
  run(script) {
    return this.#again((client) => this.#drive(client, script(), this.#hasNames));
  }

  async read(script) {
    const client = await this.#connect();
    return this.#released(client, () => this.#drive(client, script(), this.#hasNames));
  }

  /** Runs a script in the caller's transaction; one that writes must be in one. */
  runIn(tx, script, { writes, resultOf }) {
    return counted(tx, async () => {
      try {
        checkClient(tx);
        if (writes) await checkInside(tx, this.dialect.compile(LOCK));
        return resultOf(await this.#drive(tx, script(), false));
      } catch (error) {
        throw translated(error, true);
      }
    });
  }

  /** The application's own work and the host's in one transaction. */
  transaction(work) {
    return this.#again(async (client) => {
      const result = await lend(client, 'transaction', work);
      checkAfter(client);
      return result;
    });
  }

  /** Its administrator makes it. */
  isMissing() {
    return false;
  }

  create() {}

  async close() {
    if (this.#isOwn) await this.#pool.end();
  }

  async #again(work) {
    for (let tried = 1; ; tried += 1) {
      try {
        return await this.#transact(work);
      } catch (error) {
        const isCurable = error instanceof Retry && !(error instanceof NeedsAccount);
        if (!isCurable || tried >= TIMES) throw error;
      }
      await new Promise((done) => setTimeout(done, Math.random() * 20 * 2 ** tried));
    }
  }

  async #transact(work) {
    const client = await this.#connect();
    return this.#released(client, async () => {
      await client.query(BEGIN);
      try {
        const result = await work(client);
        await commit(client);
        return result;
      } catch (error) {
        await client.query('ROLLBACK').catch(() => {});
        throw error;
      }
    });
  }

  async #connect() {
    try {
      await this.#hooks.begin?.();
      return await this.#pool.connect();
    } catch (error) {
      throw new Unavailable(error);
    }
  }

  /** Gives the connection back; a broken one is closed. */
  async #released(client, work) {
    let broken;
    const fail = (error) => (broken = error);
    client.on('error', fail);
    try {
      return await work();
    } catch (error) {
      const translation = translated(error, broken !== undefined);
      if (translation instanceof Unavailable) broken ??= error;
      throw translation;
    } finally {
      client.off('error', fail);
      client.release(broken);
    }
  }

  async #drive(client, script, hasNames) {
    let hasCalled = false;
    const execute = async (text, values) => {
      const name = hasNames ? this.#nameOf(text) : undefined;
      try {
        const { rows, rowCount } = await client.query({ name, text, values, rowMode: 'array', types: typesOf(client) });
        return { rows, count: rowCount };
      } catch (error) {
        // pg can learn that the handler broke the transaction only after the handler has gone on.
        throw hasCalled && error.code === BROKEN ? new HandlerFailed(rolledBack()) : error;
      }
    };
    let step = script.next();
    while (!step.done) {
      const asked = step.value;
      hasCalled ||= asked.run !== undefined;
      step = script.next(asked.run === undefined ? await this.#answer(execute, asked) : await this.#call(client, asked));
    }
    return step.value;
  }

  async #call(client, { run }) {
    try {
      const result = await lend(client, 'onTx: the transaction of the handler', run);
      checkAfter(client);
      return result;
    } catch (error) {
      throw error instanceof HostError ? new HandlerFailed(error) : error;
    }
  }

  async #answer(execute, { text, params, statements }) {
    if (statements === undefined) return execute(this.dialect.compile(text), params);
    const all = statements.flatMap((it) => it.params);
    if (statements.length > 1) return (await execute(this.dialect.combine(statements), all)).rows[0];
    return [(await execute(this.dialect.compile(statements[0].text), all)).count];
  }

  /** The name under which the server keeps a statement: the same text has the same name in every host of a connection. */
  #nameOf(text) {
    let found = this.#names.get(text);
    if (found === undefined) {
      found = `rulebound_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
      this.#names.set(text, found);
    }
    return found;
  }
}

/** Every 64-bit integer of these tables is exact as a number. */
function typesOf(client) {
  return { getTypeParser: (oid, format) => (oid === INT8 ? Number : client.getTypeParser(oid, format)) };
}

function translated(error, isBroken) {
  if (isEnded(error, isBroken)) return new Unavailable(error);
  if (CURABLE.includes(error?.code)) return new Retry(`The transaction must begin again (${error.code}).`, { cause: error });
  if (error?.code === LOCK_TIMEOUT) return new RowLocked(error);
  if (error?.code === '42P01' && /rulebound_/.test(error.message)) {
    return new SchemaError('The tables are missing. Run `rulebound migrate`.', { cause: error });
  }
  return error;
}

module.exports = { PostgresDatabase };
