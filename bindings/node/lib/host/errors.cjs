'use strict';

/** A mistake in how the host is used or set up. The message names the cure. */
class HostError extends Error {}

/** A mistake in the config of a provider or of an account. The message names the member. */
class ConfigError extends HostError {}

/** Only a new transaction can cure this: a deadlock, or a database that is busy. Roll back, and begin again. */
class Retry extends HostError {}

/** This release cannot work with these tables: there are none, or they are of another release. */
class SchemaError extends HostError {}

/** Some tables are there, and none says their version. */
class BrokenTables extends SchemaError {}

/** The tables are those of a newer release, which this one must not touch. */
class TooNew extends SchemaError {}

/** There is no connection to the database. */
class Unavailable extends HostError {
  constructor(cause) {
    super(`The database is away: ${cause.message}`, { cause });
  }
}

/** PostgreSQL's 55P03. Who holds the lock can be the caller, who would wait again, so that this is no `Retry`. */
class RowLocked extends HostError {
  constructor(cause) {
    super('The row is locked for longer than `lock_timeout` (2 s) by another transaction. If it is your own, pass its `tx`; otherwise try again.', { cause });
  }
}

/** There is no row with this flow and key. */
class UnknownRow extends HostError {
  constructor(flow, key) {
    super(`There is no row of \`${flow}\` with the key \`${key}\`. Begin it with \`handle\`.`);
  }
}

/** The row has an effect or a wait, so that it cannot be forgotten. */
class Pending extends HostError {}

/** The row has no such question now, or not this verdict. `code` is `review`, `verdict` or `id`. */
class NoReview extends HostError {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** A command that breaks a rule. It has written nothing. */
class Rejected extends Error {
  constructor(rejected) {
    super(rejected.message);
    this.violations = rejected.violations;
  }
}

/** A transport throws this if not a byte of the request was written: no connection was opened. */
class NotSent extends Error {}

/** An account must be looked up outside the transaction, before its row can be worked on. */
class NeedsAccount extends Retry {
  constructor(provider, account) {
    super(`The account \`${account}\` of \`${provider}\` must be looked up first: use \`host.transaction\`, or call \`host.lookUp\` before a transaction of your own.`);
    this.provider = provider;
    this.account = account;
  }
}

/** The lookup of an account has failed: its rows wait. */
class LookupFailed extends HostError {
  constructor({ flow, key, account }, cause) {
    super(`The account \`${account}\` cannot be looked up: ${cause instanceof HostError ? cause.message : `${describe(cause)}: ${cause?.message ?? cause}`}`, { cause });
    this.flow = flow;
    this.key = key;
  }
}

/** A row that cannot be loaded, or whose decision throws. */
class RowError extends Error {
  /** `read` is the row as it was read: what another worker has counted since is not counted twice. */
  constructor(read, cause) {
    const [flow, key, , , revision, , , , , tries] = read;
    super(`${flow} ${key}: ${describe(cause)}: ${cause?.message}`, { cause });
    Object.assign(this, { flow, key, revision, tries });
  }
}

/** A row that a newer release has saved. */
class NewerFormat extends Error {
  constructor(flow, key, cause) {
    super(`${flow} ${key} has a format of a newer release. Deploy that release to every worker.`, { cause });
    this.flow = flow;
    this.key = key;
  }
}

/** What a handler in a transaction has thrown. */
class HandlerFailed extends Error {
  constructor(cause) {
    super(describe(cause), { cause });
  }
}

const named = { BrokenTables, ConfigError, HandlerFailed, HostError, LookupFailed, NeedsAccount, NewerFormat, NoReview, NotSent, Pending, Rejected, Retry, RowError, RowLocked, SchemaError, TooNew, Unavailable, UnknownRow };
for (const [name, type] of Object.entries(named)) {
  Object.defineProperty(type.prototype, 'name', { value: name, configurable: true, writable: true });
}

/** The class and the code of an error, without customers' data. */
function describe(error) {
  const code = error instanceof Rejected ? error.violations.map(({ rule }) => rule).join(' ') : error?.code;
  const name = error instanceof Error ? error.name : typeof error;
  return code ? `${name} ${code}` : name;
}

module.exports = { ...named, describe };
