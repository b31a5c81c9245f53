import type {
  Config,
  FacetTransition,
  Fact,
  Failure,
  Ignored,
  PendingEffectAccess,
  PendingEffectFulfill,
  PendingEffectNotify,
  PendingEffectRequest,
  PendingEffectReview,
  Request,
  TypedId,
  Violation,
  Wait,
} from './shapes.cjs';

/** What a decision depends on besides the snapshot. */
export interface Context {
  /** The time of the call: a `Date`, or whole milliseconds since 1970. */
  readonly now: Date | number;
  /** Your choices, and the settings of each provider; the default ones if it is missing. */
  readonly config?: Config | undefined;
}

/** The names behind a kind of effect: of `'request/capture' | 'fulfill'`, the requests are `'capture'`. */
type Named<Kind extends string, Effects extends string> = string extends Effects
  ? string
  : Effects extends `${Kind}/${infer Name}`
    ? Name
    : never;

/** A pending effect of a flow: one of its own operations, or of its own reasons for a notice or a review. */
export type EffectOf<Effects extends string> =
  | (PendingEffectRequest & { operation: Named<'request', Effects> })
  | (PendingEffectNotify & { reason: Named<'notify', Effects> })
  | (PendingEffectReview & { reason: Named<'review', Effects> })
  | PendingEffectFulfill
  | PendingEffectAccess;

/** A wait of a flow: for one of its own signals. */
export type WaitOf<Signal extends string> = Wait & { signal: Signal };

/** What a snapshot carries only in the types. */
declare const types: unique symbol;

/** The commands of a snapshot, or of a union of snapshots. */
export type CommandOf<S> = S extends { readonly [types]?: { command: infer Command } } ? Command : never;

/** The status of a snapshot, or of a union of snapshots. */
export type StatusOf<S> = S extends { readonly [types]?: { status: infer Status } } ? Status : never;

/**
 * A flow at one moment: a value. Every decision leaves it unchanged, and gives the next one.
 *
 * Save it with `INSERT` when its revision was 0, and otherwise with `UPDATE … WHERE revision = ?`.
 */
export abstract class Snapshot<
  Command = unknown,
  Action = object,
  Effects extends string = string,
  Signal extends string = string,
  Status = object,
> {
  protected constructor();

  /** Only in the types. */
  readonly [types]?: { command: Command; status: Status };
  /** The id of its flow. */
  abstract readonly flow: string;
  /** Your name for it. */
  readonly key: string;
  /** The number of changes; compare it when you save. */
  readonly revision: number;

  /**
   * Its text, in the newest format. A snapshot cannot be cloned or sent to another thread: send this, and `load` it.
   */
  save(): string;
  /** Its text in an older format, so that workers of the previous release can read it. */
  saveAs(format: number): string;
  /** Something that you want to do. If it is rejected, nothing has changed. */
  handle<S>(this: S, command: CommandOf<S>, context: Context): Step<S> | Rejected;
  /** Takes an effect for one worker alone, until the lease ends. It hands out the request. */
  lease(effect: string, context: Context): Lease<this> | Rejected;
  /** Something that happened. It is never rejected. */
  observe(fact: Fact, context: Context): Step<this>;
  /** How the lifecycle is now: what a page for a customer or for a support agent shows. */
  status<S>(this: S, context: Context): StatusOf<S>;
  /** What a worker has to do, each once. */
  effects(context: Context): EffectOf<Effects>[];
  /** What the provider or the customer has to do. */
  waitingFor(context: Context): WaitOf<Signal>[];
  /** Every action: whether it is allowed now, or why not. */
  actions(context: Context): Action[];
  /** When to look at the flow again, in milliseconds since 1970. */
  wakeAt(context: Context): number | null;
  /** The ids by which a webhook finds the flow. */
  ids(): TypedId[];
  /** Its text as an object. */
  toJSON(): object;
}

/** What an accepted command or a fact leads to: plain data, which can be spread, compared and written. */
export interface Step<S> {
  /** Always `true`: tells a step from a rejected command. */
  readonly ok: true;
  /** The next snapshot; the same one if the step is ignored. */
  readonly next: S;
  /** Why nothing has changed; `null` if something has. */
  readonly ignored: Ignored | null;
  /** The moves that the facets have made. */
  readonly transitions: FacetTransition[];
  /** Ids that are known from now on: observe the early webhooks that name them again. */
  readonly new_ids: TypedId[];
  /** The reply of the provider that proves no success. */
  readonly failure: Failure | null;
  /** Rules that are broken and only warned about. */
  readonly warnings: Violation[];
}

/** An effect that a worker holds alone until its lease ends: plain data. */
export interface Lease<S> {
  /** Always `true`: tells a lease from a rejected one. */
  readonly ok: true;
  /** The next snapshot. Save it before you send the request. */
  readonly next: S;
  /** The complete request; `null` for an effect that is none. */
  readonly request: Request | null;
  /** Rules that are broken and only warned about. */
  readonly warnings: Violation[];
}

/** A command or a lease that is rejected, with every rule that it would break. */
export interface Rejected {
  /** Always `false`: tells it from a step or a lease. */
  readonly ok: false;
  /** The broken rules, in the order in which they were found. */
  readonly violations: Violation[];
  /** One line for each: its code and message, where it is broken, what would unblock it, and the provider's page. */
  readonly message: string;
  /** The message. */
  toString(): string;
}

export {};
