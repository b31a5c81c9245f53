import type { AnyFlow, Questions } from './flows.cjs';
import type { AnyHeaders, Catalogue, KeyKind, Origin, ProblemCode, ProviderName, Versions } from './shapes.cjs';

export * from './flows.cjs';
export type * from './shapes.cjs';
export * from './snapshot.cjs';

/** Data that rulebound cannot read. A command that breaks a rule is no error: it is rejected. */
export class RuleboundError extends Error {
  constructor(code: ProblemCode, pointer: string, reason: string);
  readonly name: 'RuleboundError';
  readonly code: ProblemCode;
  /** A JSON Pointer to what is wrong; empty for the whole. */
  readonly pointer: string;
  /** What is wrong there; `message` has both. */
  readonly reason: string;
  /** What `JSON.stringify` writes. */
  toJSON(): { name: 'RuleboundError'; code: ProblemCode; pointer: string; reason: string; message: string };
}

/** Reads a row of whichever flow, its `flow` says which. */
export function load(row: string): AnyFlow;

/**
 * Whether a webhook is the provider's: throws `not_authentic` if it is not. Give the raw body, as it came. `tolerance` is how
 * far from now a signature may be, in milliseconds; by default 5 minutes at Flex, and any at Truemed.
 */
export function authenticate(
  provider: ProviderName,
  secrets: readonly string[],
  headers: AnyHeaders,
  body: string | Uint8Array,
  now: Date | number,
  tolerance?: number,
): Origin;

/** The ids by which a webhook finds its flows, among those that `ids` gave. */
export function correlate(provider: ProviderName, body: string | Uint8Array): string[];

/** The status that the provider wants for a stored webhook. */
export function acknowledgement(provider: ProviderName): number;

/** Asks one of the provider's pure modules a question. */
export function ask<Provider extends ProviderName>(
  provider: Provider,
  question: Questions[Provider],
  fields: object,
): unknown;

/**
 * The key of a flow whose identity is the provider's own thing, such as a token that can be used once. The provider's page
 * says what `name` is.
 */
export function keyFor(kind: KeyKind, name: string): string;

/** Every rule and every flow. */
export function catalogue(): Catalogue;

/** The versions of the library, of the rules and of the call protocol. */
export function versions(): Versions;

/** One verb, JSON to JSON: `{"handle": {…}}` to `{"ok": …}`, `{"rejected": …}` or `{"error": …}`. */
export function call(request: string): string;
