import type { AnyFlow, Questions } from './flows.cjs';
import type { AnyHeaders, Catalogue, Fact, KeyKind, ProblemCode, ProviderName, ReceivedWebhook, Versions, WebhookIds } from './shapes.cjs';

export * from './builders.cjs';
export * from './flows.cjs';
export type * from './shapes.cjs';
export * from './snapshot.cjs';

/** Data that rulebound cannot read. A command that breaks a rule is no error: it is rejected. */
export class RuleboundError extends Error {
  constructor(code: ProblemCode, pointer: string, reason: string);
  readonly name: string;
  readonly code: ProblemCode;
  /** A JSON Pointer to what is wrong; empty for the whole. */
  readonly pointer: string;
  /** What is wrong there; `message` has the pointer, the reason, and what to do. */
  readonly reason: string;
  /** What `JSON.stringify` writes. */
  toJSON(): { name: string; code: ProblemCode; pointer: string; reason: string; message: string };
}

/** A webhook that is not the provider's. Discard it, and reply with 401: it must change nothing. */
export class NotAuthentic extends RuleboundError {
  constructor(reason: string);
  readonly code: 'not_authentic';
}

/** Reads a row of whichever flow, its `flow` says which. */
export function load(row: string): AnyFlow;

/** A webhook, as it came in. */
export interface WebhookInput {
  /** The secrets that you share with the provider: one must match. */
  readonly secrets: readonly string[];
  /** The headers of the request. */
  readonly headers: AnyHeaders;
  /** The raw body, as it came; never a parsed object. */
  readonly body: string | Uint8Array;
  /** The time of the call: a `Date`, or whole milliseconds since 1970. */
  readonly now: Date | number;
  /** What only the URL or a header says about the webhook, such as the event's name. */
  readonly topic?: string | null | undefined;
  /** How far from now a signature can be, in milliseconds. By default 5 minutes at Flex, and unlimited at Truemed. */
  readonly toleranceMs?: number | null | undefined;
}

/**
 * Reads a webhook. Store the result, reply with `acknowledge_with`, and observe the fact in every flow whose `ids()` has
 * one of the ids. Throws `NotAuthentic` if the provider did not send it.
 */
export function readWebhook(provider: ProviderName, webhook: WebhookInput): ReceivedWebhook;

/**
 * The ids of a webhook that you have received and stored: what `readWebhook` would find now. A newer release may read a
 * webhook that an older one could not. `fact` is what `readWebhook` gave. Its origin is not checked again.
 */
export function webhookIds(provider: ProviderName, fact: Fact): WebhookIds;

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
