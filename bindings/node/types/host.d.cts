import type {
  AnyFlow,
  AnyHeaders,
  CommandOf,
  Config,
  FlexNotice,
  FlexVerdict,
  FlowId,
  PendingEffectAccess,
  PendingEffectFulfill,
  PendingEffectNotify,
  PendingEffectReview,
  ProviderName,
  RevupNotice,
  RevupVerdict,
  Snapshot,
  StatusOf,
  TruemedNotice,
  TruemedVerdict,
  VendNotice,
  VendVerdict,
  Violation,
} from './index.cjs';

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

/** What the kit needs of a better-sqlite3 database. */
export interface SqliteDatabase {
  readonly inTransaction: boolean;
  readonly memory: boolean;
  prepare(sql: string): unknown;
  exec(sql: string): unknown;
  pragma(sql: string, options?: { simple?: boolean }): unknown;
}

/** What the kit needs of a client of `pg`. */
export interface PostgresClient {
  query(text: string, values?: unknown[]): Promise<{ rows: any[]; rowCount: number | null }>;
}

/** What the kit needs of a `Pool` of `pg`. */
export interface PostgresPool<Client extends PostgresClient = PostgresClient> {
  connect(): Promise<Client>;
}

/** One of several accounts at a provider; `config` has the settings that differ from the provider's. */
export interface Account {
  readonly apiKey: string;
  readonly config?: object;
  readonly webhookSecrets?: readonly string[];
  /** Counts instead of the provider's. */
  readonly maxInFlight?: number | undefined;
  /** Counts instead of the provider's. */
  readonly maxPerSecond?: number | undefined;
}

/** Looks up an account by its name: outside transactions, and remembered for a minute. */
export type FindAccount = (name: string) => Account | null | undefined | Promise<Account | null | undefined>;

/** How the host works with a provider: with a key of its own, with several accounts, or both. */
export type Provider<Settings = object> = ProviderOptions<Settings> & ({ readonly apiKey: string } | { readonly account: FindAccount });

export interface ProviderOptions<Settings = object> {
  readonly apiKey?: string;
  readonly webhookSecrets?: readonly string[];
  /** The provider's settings, as in the library's config. */
  readonly config?: Settings | undefined;
  readonly account?: FindAccount;
  /** The part of the webhooks' address that nobody can guess, for a provider that does not sign. */
  readonly webhookToken?: string | undefined;
  /** The total time of a request, 30 s by default. */
  readonly timeoutMs?: number;
  /** How many requests of each account this process has in flight at most. */
  readonly maxInFlight?: number | undefined;
  /** How many requests of each account this process begins in a second at most. */
  readonly maxPerSecond?: number | undefined;
}

export type Providers = { readonly [Name in ProviderName]?: Provider<Config[Name]> };

/** One HTTP request, complete with the credential. Do not follow a redirect. */
export interface Outgoing {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly timeoutMs: number;
  readonly provider: ProviderName;
  readonly account: string;
  readonly operation: string;
}

/** The provider's reply, as it came. */
export interface Incoming {
  readonly status: number;
  readonly headers: AnyHeaders;
  readonly body: string | Uint8Array;
}

/** One structured line of the log. */
export interface LogRecord {
  readonly level: 'info' | 'warn' | 'error';
  readonly event: string;
  readonly [name: string]: unknown;
}

export interface HostOptions {
  /** The library's config, without the providers' settings. */
  readonly config?: Omit<Config, ProviderName | 'lease_ms'>;
  /** Replaces the clock everywhere, also PostgreSQL's: for tests. */
  readonly clock?: () => number;
  /** The default writes warnings and errors as JSON to the error stream. */
  readonly log?: (record: LogRecord) => void;
  /** PostgreSQL's schema of the tables; `public` by default. */
  readonly schema?: string;
  /** PostgreSQL plans each statement once in a connection. Only for a direct connection: a transaction pooler needs `false`, the default. */
  readonly namedStatements?: boolean;
  /** Sends a request in place of `fetch`. Throws `NotSent` if not a byte was written. */
  readonly send?: (request: Outgoing) => Promise<Incoming>;
}

/** A flow's class, such as `truemed.PaymentToken`. */
export interface FlowClass<S = AnyFlow> {
  readonly flow: FlowId;
  start(key: string): S;
}

/** One snapshot and what the host knows about it, with the clock and the config bound. */
export interface Row<S = AnyFlow> {
  readonly flow: FlowId;
  readonly key: string;
  readonly account: string;
  readonly reference: string | null;
  readonly revision: number;
  readonly wake_at: number | null;
  readonly reviews: number;
  readonly failing: number;
  readonly tries: number;
  readonly last_error: string | null;
  readonly created_at: number;
  readonly updated_at: number;
  readonly snapshot: S;
  /** Names an effect among all rows: a primary key, or an idempotency key. An effect's id alone is unique in its row only. */
  effectKey(effect: { readonly id: string }): string;
  status(): StatusOf<S>;
  actions(): S extends Snapshot<any, infer Action, any, any, any> ? Action[] : never;
  effects(): S extends Snapshot ? ReturnType<S['effects']> : ReturnType<Extract<S, Snapshot<any, any, any, any, any>>['effects']>;
  waitingFor(): ReturnType<Extract<S, Snapshot<any, any, any, any, any>>['waitingFor']>;
}

/** Why the customer is told something. */
export type Notice = FlexNotice | RevupNotice | TruemedNotice | VendNotice;

interface Verdicts {
  flex: FlexVerdict;
  revup: RevupVerdict;
  truemed: TruemedVerdict;
  vend: VendVerdict;
}
/** The verdicts of a flow's provider. */
export type VerdictOf<S> = S extends { readonly flow: `${infer Name extends ProviderName}.${string}` } ? Verdicts[Name] : Verdicts[ProviderName];

export interface Effects {
  notify: PendingEffectNotify & { readonly reason: Notice };
  fulfill: PendingEffectFulfill;
  access: PendingEffectAccess;
}

export interface HandleOptions {
  /** Who asks for it, for the journal. */
  readonly actor?: string;
  /** What a person searches for: an order's number. */
  readonly reference?: string;
  /** Which of your accounts at the provider. The first command fixes it. */
  readonly account?: string;
}

/** With SQLite's connection, calls within a transaction are synchronous. */
export type Within<Tx, Value> = Tx extends SqliteDatabase ? Value : Promise<Value>;

/** One row to adopt, of any flow: its command is one of its own flow. */
export type Import<S = AnyFlow> = S extends AnyFlow ? ImportOf<S> : never;

export interface ImportOf<S extends AnyFlow> {
  readonly flow: FlowClass<S> | S['flow'];
  readonly key: string;
  /** The provider's lookup. */
  readonly command: CommandOf<S>;
  readonly account?: string;
  readonly reference?: string;
}

/** The columns of a row, as the dashboard's API has them. */
export type RowRecord = Pick<Row, 'flow' | 'key' | 'account' | 'reference' | 'revision' | 'wake_at' | 'reviews' | 'failing' | 'tries' | 'last_error' | 'created_at' | 'updated_at'>;

export interface ReviewPage {
  /** A row that cannot be loaded has no reviews. */
  readonly rows: readonly { readonly row: RowRecord; readonly reviews: readonly PendingEffectReview[] }[];
  /** The `after` of the next page; null on the last one. */
  readonly next: string | null;
}

export interface Done {
  sent: string[];
  credentials: string[];
  handled: string[];
  visits: number;
}

export interface Stats {
  oldest_overdue_ms: number;
  due: number;
  inbox_age_ms: number;
  failing_effects: number;
  reviews_open: number;
  accounts_paused: number;
  oldest_held_ms: number;
  refused_in_day: number;
}

export interface Problem {
  readonly problem: string;
  readonly detail?: string;
  readonly flow?: string;
  readonly key?: string;
}

export interface Delivery {
  readonly headers: AnyHeaders;
  /** The raw body, as it came; never a parsed object. */
  readonly body: string | Uint8Array;
  readonly account?: string;
  readonly token?: string | null;
  readonly topic?: string | null;
}

export type Access = 'all' | 'read_only' | 'forbidden';
/** Who asks the dashboard. */
export interface Visitor {
  readonly access: Access;
  readonly name?: string | undefined;
}
export interface DashboardOptions {
  /** What the visitor may do; with the person's name, for the journal, `{ access, name }`. */
  readonly access: (request: Request) => Access | Visitor | Promise<Access | Visitor>;
  /** Where it is mounted; `/rulebound` by default. */
  readonly prefix?: string;
}
export interface FastifyOptions {
  /** Where the webhooks come in; `/webhooks` by default. */
  readonly webhooks?: string;
  readonly dashboard?: DashboardOptions;
}
type Respond = (request: Request) => Promise<Response>;

/** The part of a backend that stores snapshots, sends requests and receives webhooks. */
export interface Host<Tx = any> {
  /** One transaction with your own rows; it runs again after a `Retry`. On SQLite `work` must be synchronous. */
  transaction<Value>(work: (tx: Tx) => Tx extends SqliteDatabase ? Value : Value | Promise<Value>): Promise<Awaited<Value>>;
  /** Looks up an account, unless that was done within a minute: before a transaction of your own in which a row of it is handled. */
  lookUp(provider: string, account: string): Promise<void>;
  /** Decides and saves a command, in the caller's transaction. Throws `Rejected`, which has written nothing. */
  handle<S>(flow: FlowClass<S>, key: string, command: CommandOf<S>, options: HandleOptions & { readonly tx: Tx }): Within<Tx, Row<S>>;
  /** Decides and saves a command. Throws `Rejected`. */
  handle<S>(flow: FlowClass<S>, key: string, command: CommandOf<S>, options?: HandleOptions): Promise<Row<S>>;
  /** The row, or null. */
  get<S>(flow: FlowClass<S>, key: string, options: { readonly tx: Tx }): Within<Tx, Row<S> | null>;
  get<S>(flow: FlowClass<S>, key: string): Promise<Row<S> | null>;
  /** By the flow's id. */
  get<Id extends FlowId>(flow: Id, key: string, options: { readonly tx: Tx }): Within<Tx, Row<Extract<AnyFlow, { readonly flow: Id }>> | null>;
  get<Id extends FlowId>(flow: Id, key: string): Promise<Row<Extract<AnyFlow, { readonly flow: Id }>> | null>;
  /** The customer's browser came back: lookups are due. It proves nothing. */
  customerReturned<S>(flow: FlowClass<S>, key: string, options?: { readonly actor?: string }): Promise<Row<S>>;
  /** A person's verdict for a review. */
  answer<S>(flow: FlowClass<S>, key: string, review: string, verdict: VerdictOf<S>, options?: { readonly id?: string | null; readonly actor?: string }): Promise<Row<S>>;
  /** One page of the rows with a question for a person, each with its open reviews: 50 at a time, the least recently changed first. */
  reviews(options?: { readonly after?: string | null }): Promise<ReviewPage>;
  /** Deletes an entry of the inbox that no row knows, such as a verified webhook that cannot be read. */
  dropEntry(id: string): Promise<void>;
  /** Deletes a row and all that belongs to it, if nothing is pending. It asks the provider for nothing: a token there can still be charged, so delete it first. */
  forget<S>(flow: FlowClass<S>, key: string): Promise<void>;
  /** Adopts what exists already, in batches; idempotent by key. Gives how many are new. */
  import(rows: Iterable<Import> | AsyncIterable<Import>, options?: { readonly perSecond?: number }): Promise<number>;
  /** A handler outside any transaction: at least once, `row.effectKey(effect)` tells repeats apart. */
  on<Kind extends keyof Effects>(
    kind: Kind,
    handler: (effect: Effects[Kind], row: Row, context: { readonly signal: AbortSignal }) => unknown,
    options?: { readonly timeoutMs?: number },
  ): this;
  /** A handler in the transaction that records `done`: SQL only. */
  onTx<Kind extends keyof Effects>(
    kind: Kind,
    handler: (effect: Effects[Kind], row: Row, tx: Tx) => Tx extends SqliteDatabase ? void : void | Promise<void>,
    options?: { readonly timeoutMs?: number },
  ): this;
  /** Effects of this kind are done without a handler. */
  ignore(kind: keyof Effects): this;
  /** Stores a webhook, and gives the HTTP status to reply with. */
  webhook<Name extends string>(provider: string extends Name ? Name : Name extends ProviderName ? Name : ProviderName, delivery: Delivery): Promise<number>;
  webhookRoute(options?: { readonly prefix?: string }): Respond;
  dashboard(options: DashboardOptions): Respond;
  /** A plugin of Fastify with the webhooks and the dashboard. */
  fastify(options?: FastifyOptions): (app: any) => Promise<void>;
  /** For tests: works until nothing is due, and gives what it did. */
  tick(options?: { readonly now?: Date | number }): Promise<Done>;
  /**
   * The worker's loop, until `stop` or `signal`. `lanes` rows are worked on at a time, 8 by default. Lines of the journal go
   * after `journalMs` (400 days), and webhooks that no row knows after `inboxMs` (30 days). Throws `SchemaError` if the tables cannot be
   * worked with for a while.
   */
  run(options?: { readonly lanes?: number; readonly journalMs?: number; readonly inboxMs?: number; readonly signal?: AbortSignal }): Promise<void>;
  /** Looks at once, in place of the next poll. */
  wake(): void;
  /** Takes no more rows, and leaves within 30 s. */
  stop(): void;
  close(): Promise<void>;
  /** When a worker looks at a row or a webhook next, in milliseconds, or null. The simulator moves the time to it. */
  nextWake(): Promise<number | null>;
  stats(): Promise<Stats>;
  /** The journal's gaps and digests. */
  verify(): Promise<Problem[]>;
  /**
   * The schema's drift, and accounts that are paused. With the time of a restored backup, each open request of every row counts as sent
   * since, with an unknown outcome: it is looked up, or sent again under the same key.
   */
  doctor(options?: { readonly restored?: Date | number | null }): Promise<Problem[]>;
  /** How many rows the last `doctor({ restored })` has told of the backup. */
  readonly restoredRows: number;
  /** Creates or completes the tables; gives the SQL. */
  migrate(options?: { readonly dryRun?: boolean; readonly formats?: boolean }): Promise<string[]>;
  /** Exports the gauges to OpenTelemetry, and returns what ends it. */
  telemetry(): () => void;
}

/** The transaction of a database: better-sqlite3's connection, a client of `pg`, or either for a URL. */
export type TxOf<Db> = Db extends string ? any : Db extends SqliteDatabase ? Db : ClientOf<Db>;
/** `connect` of `pg` also takes a callback. */
type ClientOf<Pool> = Pool extends { connect: { (): Promise<infer Client>; (callback: any): void } } ? Client : Pool extends PostgresPool<infer Client> ? Client : never;

export interface HostConstructor {
  /** A URL as `sqlite:///shop.db` or `postgresql://…`, a better-sqlite3 database, or a `Pool` of `pg`. */
  new <Db extends string | SqliteDatabase | PostgresPool>(database: Db, providers: Providers, options?: HostOptions): Host<TxOf<Db>>;
}
export const Host: HostConstructor;

/** How requests are sent unless the host is given another transport. */
export function send(request: Outgoing): Promise<Incoming>;
