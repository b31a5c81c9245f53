'use strict';

// What the kit has to know about a connection of `pg`: whether it is broken, and whether it is in a transaction.

const { HostError } = require('./errors.cjs');
const { ended } = require('./guard.cjs');

const OUTSIDE = 'I';
const FAILED = 'E';
/** The server ends a connection, or has none: SQLSTATE. */
const ENDED = /^(08\w{3}|57P0[1-3])$/;
/** What `pg` and the socket below it say; they are no SQLSTATE. */
const SOCKET = ['ECONNRESET', 'ECONNREFUSED', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'];
const BROKEN = /^Connection terminated|not queryable$|^Client was closed|^Client has encountered a connection error/;

const watched = new WeakSet();
const ignore = () => {};

/**
 * A client that the pool has just given away has no listener, and its 'error' would end the process: the kit's own listener stays
 * on each client for as long as it lives. The next query reports the error. The application's listeners get it as before.
 */
function watch(pool) {
  if (typeof pool.on !== 'function' || watched.has(pool)) return;
  watched.add(pool);
  pool.on('error', ignore);
  pool.on('acquire', (client) => {
    if (watched.has(client)) return;
    watched.add(client);
    client.on('error', ignore);
  });
}

/** Whether a connection has ended midway. An application's own error with the code of a socket counts only if the client broke. */
function isEnded(error, isBroken) {
  const { code, message } = error ?? {};
  return ENDED.test(code) || BROKEN.test(message) || (isBroken && SOCKET.includes(code));
}

/** 'I' outside a transaction, 'T' in one, 'E' in one that has failed; undefined if this release of `pg` does not say. */
const statusOf = (client) => client.getTransactionStatus?.() ?? undefined;

/** Each query of a pool can take another connection. */
function checkClient(tx) {
  const isPool = typeof tx?.totalCount === 'number' && typeof tx.connect === 'function';
  if (typeof tx?.query === 'function' && !isPool) return;
  throw new HostError(`tx: is ${isPool ? 'a `Pool`' : 'no client of `pg`'}, and not one connection. Pass the \`tx\` of \`host.transaction\`, or the client in which you wrote \`BEGIN\`.`);
}

/** A command outside a transaction would be several commits. */
async function checkInside(client, lock) {
  if (statusOf(client) === 'T') return;
  try {
    // Outside a transaction this fails, and inside it takes the lock that every SELECT takes.
    await client.query(lock);
  } catch (error) {
    if (error.code !== '25P01') throw error;
    throw new HostError('tx: has no transaction: it was never begun, or has ended. Use `host.transaction`, or `BEGIN` first.');
  }
}

/** The caller's code has run in a transaction of the kit. */
function checkAfter(client) {
  const status = statusOf(client);
  if (status === OUTSIDE) throw ended();
  if (status === FAILED) throw rolledBack();
}

/** PostgreSQL answers a COMMIT of a failed transaction with ROLLBACK, and no error. */
async function commit(client) {
  const { command } = await client.query('COMMIT');
  if (command === 'ROLLBACK') throw rolledBack();
}

function rolledBack() {
  const cure = 'An error of a statement was caught inside it. Let it through, or put the statement behind a savepoint.';
  return new HostError(`PostgreSQL has rolled the transaction back. ${cure}`);
}

module.exports = { checkAfter, checkClient, checkInside, commit, isEnded, rolledBack, watch };
