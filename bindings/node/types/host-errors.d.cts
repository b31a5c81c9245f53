import type { FlowId, Violation } from './index.cjs';

/** A mistake in how the host is used or set up. The message names the cure. */
export class HostError extends Error {}
/** A mistake in the config of a provider or of an account. The message names the member. */
export class ConfigError extends HostError {}
/** Only a new transaction can cure this. Roll back, and begin again; `host.transaction` does so. */
export class Retry extends HostError {}
/** There is no row with this flow and key. */
export class UnknownRow extends HostError {}
/** The row has an effect or a wait, so that it cannot be forgotten. */
export class Pending extends HostError {}
/** The row has no such review now, or the review has no such verdict. */
export class NoReview extends HostError {
  readonly code: 'review' | 'verdict' | 'id';
}
/** This release cannot work with these tables: there are none, or they are of another release. */
export class SchemaError extends HostError {}
/** The tables are those of a newer release, which this one must not touch. */
export class TooNew extends SchemaError {}
/** The lookup of an account has failed, or what it gave has a mistake: see `cause`. */
export class LookupFailed extends HostError {}
/** A row that cannot be loaded, or of which the library refuses what was asked; `cause` is the library's error, whose message this one has. */
export class RowError extends Error {
  readonly flow: FlowId;
  readonly key: string;
}
/** A row that a newer release has saved. */
export class NewerFormat extends Error {
  readonly flow: FlowId;
  readonly key: string;
}
/** There is no connection to the database. */
export class Unavailable extends HostError {}
/** A command that breaks a rule. It has written nothing. */
export class Rejected extends Error {
  readonly violations: Violation[];
}
/** A transport throws this if not a byte of the request was written. */
export class NotSent extends Error {}
