/** An object of the simulator's control plane, as the simulator's README describes it. */
export type Shown = Record<string, any>;

/** A webhook by its `n`, its `id` or its `event`, or several. */
export type Webhooks = number | string | readonly (number | string)[];

/** A webhook's receiver: an address, or an address with what the provider knows about it. */
export type Endpoint = string | { url: string; provider?: string; secret?: string; auth?: string };

/** A host whose time the test owns. */
export interface Host {
  /** Does everything that is ready. */
  tick(): unknown;
  /** When the host wants to look at one of its rows again, in milliseconds. */
  nextWake(): number | null | undefined | Promise<number | null | undefined>;
}

/** What a world is made with. The seed decides every id. */
export interface WorldOptions {
  seed?: number | string;
  webhookUrls?: readonly Endpoint[];
  accounts?: readonly string[];
  clock?: number | string;
  readings?: Readonly<Record<string, string>>;
}

/** What goes wrong, and at what. `options` are the fault's own, such as `status`. */
export interface Fault {
  do: string;
  times?: number;
  provider?: string;
  operation?: string;
  event?: string;
  nth?: number;
  body?: unknown;
  options?: Shown;
}

/** The simulator cannot be started, or does not do what was asked. */
export class SimulatorError extends Error {}

/** One merchant's view of the providers, with its own clock, which the test moves. */
export class World {
  private constructor(shown: Shown);
  readonly url: string;
  /** The address of a provider's API, for the config of the library. */
  baseUrl(provider: string): string;
  /** The world's time in milliseconds. Give it to your host as its clock. */
  readonly now: () => number;
  /** When a webhook or something at a provider falls due, in milliseconds. */
  next(): Promise<number | null>;
  /**
   * Lets time pass, from one due instant to the next, and returns the deliveries with their replies. A `host` does
   * everything that is ready before time passes and whenever it wants to wake up.
   */
  advance(span: { ms: number; to?: undefined; host?: Host } | { ms?: undefined; to: number | string; host?: Host }): Promise<Shown[]>;
  /** Lets something go wrong. */
  fault(fault: Fault): Promise<void>;
  /** Lets things go wrong at random; the same seed brings the same faults. */
  chaos(chaos: { seed: number; perMille: number; kinds?: readonly string[] }): Promise<void>;
  /** The faults, with how often each of them struck. */
  faults(): Promise<Shown[]>;
  /** Lets nothing go wrong any more. */
  clearFaults(): Promise<void>;
  /** The webhooks, each with its attempts. */
  webhooks(): Promise<Shown[]>;
  /** Sends webhooks to these addresses from now on. */
  endpoints(urls: readonly Endpoint[]): Promise<void>;
  /** Holds every webhook, or those of some events, until it is released. */
  hold(events?: boolean | readonly string[]): Promise<void>;
  /** Delivers held webhooks now, in this order, and returns the deliveries. */
  release(webhooks?: Webhooks): Promise<Shown[]>;
  /** Delivers webhooks once more. */
  duplicate(webhooks: Webhooks): Promise<Shown[]>;
  /** Delivers webhooks again, as a person does in the provider's dashboard. */
  redeliver(webhooks: Webhooks): Promise<Shown[]>;
  /** Loses webhooks for ever. */
  drop(webhooks: Webhooks): Promise<void>;
  /** The requests whose members have these values, the oldest first; `refused: true` for those that broke a rule. */
  journal(having?: Readonly<Record<string, string | number | boolean>>): Promise<Shown[]>;
  /** The requests of the host whose replies no document shows, without those that a fault struck. */
  inferred(): Promise<Shown[]>;
  /** What a provider knows: the truth for the assertions of a test. */
  ledger(provider: string): Promise<Shown>;
  /** Does what happens without the host: the customer, the bank or the provider acts. */
  act(act: { do: string; provider?: string } & Shown): Promise<Shown>;
  /** Begins again, with the same options. */
  reset(): Promise<void>;
  /** Removes the world. */
  close(): Promise<void>;
}

/** A running simulator. It serves any number of worlds. */
export class Simulator {
  private constructor();
  readonly url: string;
  /** Makes a world. */
  world(options?: WorldOptions): Promise<World>;
  /** What the simulator has: operations, readings, faults and controls. */
  catalogue(): Promise<Shown>;
  /** Stops the simulator. */
  close(): Promise<void>;
}

/** The simulator's binary: `RULEBOUND_SIMULATOR`, the newest one of the checkout, or an installed one. */
export function findBinary(): string;

/** Starts the simulator on a free port of this machine. It stops with `close` or with this process. */
export function startSimulator(...options: string[]): Promise<Simulator>;
