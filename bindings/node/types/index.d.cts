import type { AnyFlow } from './flows.cjs';
import type { Catalogue, Origin, Versions } from './shapes.cjs';

export * from './flows.cjs';
export type * from './shapes.cjs';
export * from './snapshot.cjs';

/** Data that rulebound cannot read. A command that breaks a rule is no error: it is refused. */
export class RuleboundError extends Error {
  readonly name: 'RuleboundError';
  readonly code:
    | 'internal'
    | 'malformed'
    | 'not_authentic'
    | 'too_long'
    | 'unknown'
    | 'unknown_format'
    | 'unreadable_snapshot';
  /** A JSON Pointer to what is wrong; empty for the whole. */
  readonly field: string;
}

/** Headers as Node, `fetch` or a framework give them. */
export type AnyHeaders =
  | { readonly [name: string]: string | readonly string[] | undefined }
  | { entries(): IterableIterator<[string, string]> };

/** Reads a row of whichever flow, told apart by `flow`. */
export function load(row: string): AnyFlow;

/**
 * Whether a webhook is the provider's: throws `not_authentic` if it is not. Give the body raw, as it came.
 */
export function authenticate(
  provider: string,
  secrets: readonly string[],
  headers: AnyHeaders,
  body: string | Uint8Array,
  now: Date | number,
): Origin;

/** The ids by which a webhook finds its flows, among those that `correlationIds` gave. */
export function correlate(provider: string, body: string | Uint8Array): string[];

/** The status that the provider wants for a stored webhook. */
export function acknowledgement(provider: string): number;

/** Answers a question to one of the provider's pure modules. */
export function ask(provider: string, question: string, fields: object): unknown;

/** The key of a flow whose identity is the provider's own thing, such as a token that can be used once. */
export function keyOf(kind: string, name: string): string;

/** Every rule and every flow. */
export function catalogue(): Catalogue;

/** The versions of the library, of the rules and of the call protocol. */
export function versions(): Versions;

/** One verb, JSON to JSON: `{"handle": {…}}` to `{"ok": …}`, `{"refused": …}` or `{"error": …}`. */
export function call(request: string): string;
