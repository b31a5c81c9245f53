'use strict';

// The `tx` that a transaction of the kit lends. A call that nobody awaits would run in whatever transaction the pool's client has next;
// on SQLite, whose one connection serves everybody, in the next one too, or in none.

const { HostError } = require('./errors.cjs');

const guards = new WeakMap();
/** What gives the connection behind a `tx` of better-sqlite3, or throws because the transaction has ended. */
const connections = new WeakMap();
const ignore = () => {};

/** Lends a client of `pg` until `end`, and counts the calls on it that have not ended. */
class Guard {
  #open = new Set();
  #hasEnded = false;
  #what;

  constructor(client, what) {
    this.#what = what;
    const query = (...given) => this.#query(client, given);
    const get = (target, name) => {
      const value = name === 'query' ? query : Reflect.get(target, name, target);
      return typeof value === 'function' && name !== 'query' && name !== 'constructor' ? value.bind(target) : value;
    };
    this.tx = new Proxy(client, { get, set: (target, name, value) => Reflect.set(target, name, value, target) });
    guards.set(this.tx, this);
  }

  /** What the caller gets is settled only when the call has ended, so that whoever awaits it leaves nothing open. */
  call(begin) {
    if (this.#hasEnded) return Promise.reject(refusal(this.#what));
    const result = begin();
    if (typeof result?.then !== 'function') return result;
    const call = result.then(
      (value) => {
        this.#open.delete(call);
        return value;
      },
      (error) => {
        this.#open.delete(call);
        throw error;
      },
    );
    this.#open.add(call);
    return call;
  }

  /** From now on a call is refused. Throws if one is open. */
  end() {
    this.#hasEnded = true;
    if (this.#open.size === 0) return;
    for (const call of this.#open) call.catch(ignore); // This error says it for all of them.
    throw new HostError(
      `${this.#what}: a call on its \`tx\`, such as \`host.handle\` or \`tx.query\`, was not awaited, and would run outside it. ` +
        'All is rolled back. Write `await` before each call, and return the promise.',
    );
  }

  /** `pg` also takes a callback. */
  #query(client, given) {
    const callback = given.at(-1);
    if (typeof callback !== 'function') return this.call(() => client.query(...given));
    if (this.#hasEnded) throw refusal(this.#what);
    const call = new Promise((done) => client.query(...given.slice(0, -1), (...results) => {
      this.#open.delete(call);
      done();
      callback(...results);
    }));
    this.#open.add(call);
    return undefined;
  }
}

/** The caller's code has run in a transaction of the kit, which only the kit ends: otherwise its rows would not commit with the kit's. */
const ended = () => new HostError('The transaction was ended inside it. Leave COMMIT and ROLLBACK to the host: return to commit, throw to roll back.');
const refusal = (what) => new HostError(`tx: ${what} has ended. A call on \`tx\` was not awaited: write \`await\` before it, and return the promise.`);

/** Lends a client to the caller's code, and takes it back. */
async function lend(client, what, work) {
  const guard = new Guard(client, what);
  let result;
  try {
    result = await work(guard.tx);
  } catch (error) {
    try {
      guard.end();
    } catch {
      // What the code has thrown says more.
    }
    throw error;
  }
  guard.end();
  return result;
}

/** A call of the kit in a transaction: counted if the kit has lent it. */
function counted(tx, begin) {
  const guard = guards.get(tx);
  return guard === undefined ? begin() : guard.call(begin);
}

/** Lends a connection of better-sqlite3 until `work` has ended: it and its statements refuse what comes later. The transaction must last. */
function lendSync(db, what, work) {
  let hasEnded = false;
  const check = () => {
    if (hasEnded) throw new HostError(`tx: ${what} has ended. On SQLite it is synchronous: call \`tx\` only before its function returns.`);
    return db;
  };
  const lent = (target) => {
    const get = (_, name) => {
      const value = Reflect.get(target, name, target);
      if (typeof value !== 'function' || name === 'constructor') return value;
      return (...given) => {
        check();
        const result = value.apply(target, given);
        if (result === target) return proxy;
        return name === 'prepare' ? lent(result) : result;
      };
    };
    const proxy = new Proxy(target, { get, set: (_, name, value) => Reflect.set(target, name, value, target) });
    return proxy;
  };
  const tx = lent(db);
  connections.set(tx, check);
  let result;
  try {
    result = work(tx);
  } finally {
    hasEnded = true;
  }
  if (!db.inTransaction) throw ended();
  return result;
}

/** The connection of better-sqlite3 behind a `tx`, which can be the application's own. */
const connectionOf = (tx) => connections.get(tx)?.() ?? tx;

module.exports = { connectionOf, counted, ended, lend, lendSync };
