import type {
  Awaited,
  Because,
  Begin,
  Fact,
  Failure,
  OwedAccess,
  OwedFulfill,
  OwedNotify,
  OwedRequest,
  OwedReview,
  Policy,
  Request,
  Violation,
} from './shapes.cjs';

/** What a decision depends on besides the snapshot. */
export interface Around<Settings> {
  /** The time of the call: a `Date`, or whole milliseconds since 1970. */
  readonly now: Date | number;
  /** The host's choices; the default ones unless told. */
  readonly policy?: Policy | undefined;
  /** The settings of the flow's provider; its defaults unless told. */
  readonly settings?: Settings | undefined;
}

/** The names behind a kind of obligation: of `'request/capture' | 'fulfill'`, the requests are `'capture'`. */
type Named<Kind extends string, Owes extends string> = string extends Owes
  ? string
  : Owes extends `${Kind}/${infer Name}`
    ? Name
    : never;

/** What a flow owes: its own operations, and what it may notify of and have judged. */
export type OwedBy<Owes extends string> =
  | (OwedRequest & { operation: Named<'request', Owes> })
  | (OwedNotify & { reason: Named<'notify', Owes> })
  | (OwedReview & { reason: Named<'review', Owes> })
  | OwedFulfill
  | OwedAccess;

/** What a flow awaits: one of its own signals. */
export type AwaitedBy<Signal extends string> = Awaited & { signal: Signal };

/**
 * A flow as it stands: a value. Every decision leaves it as it was, and gives the next one.
 *
 * Save it with `INSERT` when its revision was 0, and otherwise with `UPDATE … WHERE revision = ?`.
 */
export abstract class Snapshot<
  Command = Begin,
  Settings = object,
  Offer = object,
  Owes extends string = string,
  Signal extends string = string,
> {
  protected constructor();

  /** The id of its flow. */
  abstract readonly flow: string;
  /** The host's name for it. */
  readonly key: string;
  /** How often it has changed: the number to compare when it is saved. */
  readonly revision: number;

  /**
   * Its text, in the newest format. A snapshot is neither cloned nor sent to another thread: send this, and `load` it.
   */
  save(): string;
  /** Its text in an older format, so that workers of the previous release can read it. */
  saveAs(format: number): string;
  /** The host wants something. On refusal nothing has changed. */
  handle(command: Command, around: Around<Settings>): Accepted<this> | Refused;
  /** Something has happened. Never refused. */
  observe(fact: Fact, around: Around<Settings>): Applied<this> | Unmoved;
  /** What a worker must do, each once. */
  owed(around: Around<Settings>): OwedBy<Owes>[];
  /** What others must do: the provider, or the customer. */
  awaits(around: Around<Settings>): AwaitedBy<Signal>[];
  /** What may be wished now, and what stands in the way of the rest. */
  offers(around: Around<Settings>): Offer[];
  /** When any of these three next changes by itself, in milliseconds since 1970. */
  deadline(around: Around<Settings>): number | null;
  /** The ids by which webhooks find it. */
  correlationIds(): string[];
  /** Its text as an object. */
  toJSON(): object;
}

/** What an accepted command or an applied fact leads to: plain data, which can be spread, compared and written. */
export interface Transition<S> {
  /** The next snapshot; of the same revision where nothing has changed. */
  readonly next: S;
  /** Whether it differs from the one before. */
  readonly changed: boolean;
  /** The complete request that was begun. Save before you send it. */
  readonly take: Request | null;
  /** Ids that are known from now on: offer the inbox rows that name them again. */
  readonly learnt: string[];
  /** The provider's refusal that this fact brought. */
  readonly failure: Failure | null;
  /** Rules that are broken and only warned about. */
  readonly warnings: Violation[];
}

/** A command that was accepted. */
export interface Accepted<S> extends Transition<S> {
  readonly ok: true;
}

/** A command that was refused, with every rule that it would break. */
export interface Refused {
  readonly ok: false;
  readonly violations: Violation[];
}

/** A fact that moved the flow. */
export interface Applied<S> extends Transition<S> {
  readonly applied: true;
}

/** A fact that moved nothing. */
export interface Unmoved {
  readonly applied: false;
  readonly because: Because;
  /** What is odd about it. */
  readonly warnings: Violation[];
}
