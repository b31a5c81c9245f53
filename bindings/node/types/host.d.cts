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
  Request,
  RevupNotice,
  RevupVerdict,
  Snapshot,
  StatusOf,
  TruemedNotice,
  TruemedVerdict,
  VendNotice,
  VendVerdict,
} from './index.cjs';
import type { RevupCallback } from './builders.cjs';

export * from './host-errors.cjs';

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

/** What can be said of a provider. */
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

/** The providers that the host works with. */
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
  /** Empty for `sendRequest`. */
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

/** How a host works; every option has a default. */
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
  /** How the lifecycle is now. */
  status(): StatusOf<S>;
  /** Every action: whether it is allowed now, or why not. */
  actions(): S extends Snapshot<any, infer Action, any, any, any> ? Action[] : never;
  /** What a worker must do. */
  effects(): S extends Snapshot ? ReturnType<S['effects']> : ReturnType<Extract<S, Snapshot<any, any, any, any, any>>['effects']>;
  /** What the provider or the customer must do. */
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

/** What a handler gets, by its kind. */
export interface Effects {
  notify: PendingEffectNotify & { readonly reason: Notice };
  fulfill: PendingEffectFulfill;
  access: PendingEffectAccess;
}

/** What a command says beside itself. */
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

/** One row to adopt, of one flow. */
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

/** One page of the rows with a question for a person. */
export interface ReviewPage {
  /** A row that cannot be loaded has no reviews. */
  readonly rows: readonly { readonly row: RowRecord; readonly reviews: readonly PendingEffectReview[] }[];
  /** The `after` of the next page; null on the last one. */
  readonly next: string | null;
}

/** What `tick` did, each in order. */
export interface Done {
  /** The operations of the requests. */
  sent: string[];
  /** The account of each request. */
  credentials: string[];
  /** The ids of the effects whose handlers were called. */
  handled: string[];
  /** How often a row or a webhook was looked at. */
  visits: number;
}

/** The gauges. Durations are milliseconds; 0 if there is nothing. */
export interface Stats {
  /** How long the row that has been due for the longest time has waited. */
  oldest_overdue_ms: number;
  /** How many rows are due. */
  due: number;
  /** The age of the oldest webhook in the inbox. */
  inbox_age_ms: number;
  /** How many effects were tried five times or more; each row that cannot be worked on counts as one more. */
  failing_effects: number;
  /** How many questions wait for a person. */
  reviews_open: number;
  /** How many accounts take no requests now. */
  accounts_paused: number;
  /** How long the oldest row that rests for a paused account has not changed. */
  oldest_held_ms: number;
  /** How many requests the providers refused within 24 hours. */
  refused_in_day: number;
}

/** What `verify` or `doctor` found. */
export interface Problem {
  /** `gap` or `digest` of a journal; `schema`, `database`, `account` or `row`. */
  readonly problem: string;
  /** What it is, and its cure. */
  readonly detail?: string;
  readonly flow?: string;
  readonly key?: string;
}

/** A webhook as the web framework has it. */
export interface Delivery {
  readonly headers: AnyHeaders;
  /** The raw body, as it came; never a parsed object. */
  readonly body: string | Uint8Array;
  /** The part of the address that names one of several accounts. */
  readonly account?: string;
  /** The part of the address that nobody can guess, of a provider that does not sign. */
  readonly token?: string | null;
  /** What only the address says, as `?topic=` of it. */
  readonly topic?: string | null;
}

/** What a visitor may do. */
export type Access = 'all' | 'read_only' | 'forbidden';
/** Who asks the dashboard. */
export interface Visitor {
  readonly access: Access;
  readonly name?: string | undefined;
}
/** Who sees the dashboard, and where it is. */
export interface DashboardOptions {
  /** What the visitor may do; with the person's name, for the journal, `{ access, name }`. */
  readonly access: (request: Request) => Access | Visitor | Promise<Access | Visitor>;
  /** Where it is mounted; `/rulebound` by default. */
  readonly prefix?: string;
}
/** Where the plugin puts the webhooks and the dashboard. */
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
  /**
   * Sends a request of no row, such as `truemed.listPaymentToken({ … })`, with the account's API key. Nobody repeats it. `NotSent` says that
   * nothing left; after any other error the provider may have carried it out.
   */
  sendRequest(provider: ProviderName, request: Request, options?: { readonly account?: string }): Promise<Incoming>;
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
  /** By the flow's id, as a row of `reviews` has it. */
  answer(flow: FlowId, key: string, review: string, verdict: Verdicts[ProviderName], options?: { readonly id?: string | null; readonly actor?: string }): Promise<Row>;
  /** Looks at a row at once: its failures are forgotten, and the pause of its account ends. */
  retry(flow: FlowClass<unknown> | FlowId, key: string, options?: { readonly actor?: string }): Promise<void>;
  /** One page of the rows with a question for a person, each with its open reviews: 50 at a time, the least recently changed first. */
  reviews(options?: { readonly after?: string | null }): Promise<ReviewPage>;
  /** Deletes an entry of the inbox that no row knows, such as a verified webhook that cannot be read. */
  dropEntry(id: string): Promise<void>;
  /** Deletes a row and all that belongs to it, if nothing is pending. It asks the provider for nothing: a token there can still be charged, so delete it first. */
  forget(flow: FlowClass<unknown> | FlowId, key: string): Promise<void>;
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
  /** What the callback says that a browser has brought: a hint. Throws `RuleboundError` if it is none: reply with 400. */
  callback(provider: 'revup', body: string | Uint8Array): Promise<RevupCallback>;
  /** `(Request) => Response` for the webhooks: `POST {prefix}/{provider}`; `/webhooks` by default. */
  webhookRoute(options?: { readonly prefix?: string }): Respond;
  /** `(Request) => Response` for the dashboard below its prefix. */
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
  /** Stops, and closes the connections that the host has opened itself. */
  close(): Promise<void>;
  /** When a worker looks at a row or a webhook next, in milliseconds, or null. The simulator moves the time to it. */
  nextWake(): Promise<number | null>;
  /** The gauges, as they are now. */
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
