import type { AnyFlow, Questions } from './flows.cjs';
import type { AnyHeaders, Catalogue, KeyKind, Origin, ProblemCode, ProviderName, Versions } from './shapes.cjs';

export * from './flows.cjs';
export type * from './shapes.cjs';
export * from './snapshot.cjs';

/** Data that rulebound cannot read. A command that breaks a rule is no error: it is refused. */
export class RuleboundError extends Error {
  constructor(code: ProblemCode, field: string, reason: string);
  readonly name: 'RuleboundError';
  readonly code: ProblemCode;
  /** A JSON Pointer to what is wrong; empty for the whole. */
  readonly field: string;
  /** What is wrong there; `message` says both. */
  readonly reason: string;
  /** What `JSON.stringify` writes. */
  toJSON(): { name: 'RuleboundError'; code: ProblemCode; field: string; reason: string; message: string };
}

/** Reads a row of whichever flow, told apart by `flow`. */
export function load(row: string): AnyFlow;

/**
 * Whether a webhook is the provider's: throws `not_authentic` if it is not. Give the body raw, as it came. `tolerance` is how
 * far from now a signature may be, in milliseconds: 5 minutes at Flex, and any at Truemed, unless told.
 */
export function authenticate(
  provider: ProviderName,
  secrets: readonly string[],
  headers: AnyHeaders,
  body: string | Uint8Array,
  now: Date | number,
  tolerance?: number,
): Origin;

/** The ids by which a webhook finds its flows, among those that `correlationIds` gave. */
export function correlate(provider: ProviderName, body: string | Uint8Array): string[];

/** The status that the provider wants for a stored webhook. */
export function acknowledgement(provider: ProviderName): number;

/** Answers a question to one of the provider's pure modules. */
export function ask<Provider extends ProviderName>(
  provider: Provider,
  question: Questions[Provider],
  fields: object,
): unknown;

/**
 * The key of a flow whose identity is the provider's own thing, such as a token that can be used once: of what it is made,
 * the provider's page says.
 */
export function keyOf(kind: KeyKind, name: string): string;

/** Every rule and every flow. */
export function catalogue(): Catalogue;

/** The versions of the library, of the rules and of the call protocol. */
export function versions(): Versions;

/** One verb, JSON to JSON: `{"handle": {…}}` to `{"ok": …}`, `{"refused": …}` or `{"error": …}`. */
export function call(request: string): string;
