'use strict';

// What every part of a host shares: the providers, the handlers, the clock and the formats. It does no I/O.

const { RuleboundError, catalogue, load, versions, ...library } = require('../index.cjs');
const { Accounts } = require('./accounts.cjs');
const { checkHandler, checkProviders, checkTimeout, checkedClock } = require('./checks.cjs');
const { HostError, NewerFormat, SchemaError } = require('./errors.cjs');
const { Limits } = require('./limits.cjs');

const KINDS = ['notify', 'fulfill', 'access'];
/** Of a request and of a handler, unless it says another one. */
const TIMEOUT_MS = 30_000;
/** How much longer a lease lasts than what it is for. */
const MARGIN_MS = 60_000;

/** The classes of the flows, by their ids. */
const flows = new Map(
  catalogue().providers.flatMap(({ name }) => Object.values(library[name]).filter(({ flow }) => flow).map((it) => [it.flow, it])),
);

const providerOf = (flow) => flow.slice(0, flow.indexOf('.'));

class Kit {
  #handlers = new Map();
  #configs = new Map();
  #formats = new Map();

  constructor(dialect, providers, { config = {}, clock = Date.now, log, hooks }) {
    checkProviders(providers, config);
    this.dialect = dialect;
    this.providers = providers;
    this.clock = checkedClock(clock);
    this.log = log;
    this.hooks = hooks;
    this.base = config;
    this.isReady = false;
    /** Whether a worker of this process has read the entries again that an older release could not read. */
    this.hasReadAgain = false;
    this.limits = new Limits();
    /** The webhooks' addresses without a secret that were told. */
    this.warned = new Set();
    this.accounts = new Accounts(providers, config, () => hooks.monotonic(), () => this.#configs.clear());
  }

  /** The time that came with a row, or the host's own where the database gives none. */
  now(ofRow) {
    return ofRow ?? this.clock();
  }

  /** The parameter of `{due}`: nothing where the database has the clock. */
  due() {
    return this.dialect.ownClock ? null : this.clock();
  }

  register(kind, handler) {
    if (!KINDS.includes(kind)) throw new HostError(`There is no effect \`${kind}\`. Use one of ${KINDS.join(', ')}.`);
    if (this.#handlers.has(kind)) throw new HostError(`\`${kind}\` has a handler already. Remove one of the two.`);
    checkHandler(kind, handler);
    checkTimeout(`${kind}/timeoutMs`, handler.timeoutMs);
    this.#handlers.set(kind, handler);
  }

  handler(kind) {
    return this.#handlers.get(kind);
  }

  checkHandlers() {
    const missing = KINDS.filter((kind) => !this.#handlers.has(kind)).map((kind) => `\`${kind}\``);
    if (missing.length === 0) return;
    throw new HostError(`A worker needs a handler for ${missing.join(', ')}: use \`host.on\`, \`host.onTx\` or \`host.ignore\`.`);
  }

  timeout(flow, kind) {
    const settings = kind === 'request' ? this.provider(flow) : this.#handlers.get(kind);
    return settings?.timeoutMs ?? TIMEOUT_MS;
  }

  provider(flow) {
    const name = providerOf(flow);
    if (Object.hasOwn(this.providers, name)) return this.providers[name];
    throw new HostError(`The host has no provider \`${name}\`. Add it to the providers.`);
  }

  /** The limits of an account: its own, otherwise the provider's. */
  limit(provider, account) {
    const { maxInFlight, maxPerSecond } = this.providers[provider];
    const own = this.accounts.known(provider, account);
    return { maxInFlight: own?.maxInFlight ?? maxInFlight, maxPerSecond: own?.maxPerSecond ?? maxPerSecond };
  }

  /** When a lease that begins now ends. */
  leaseEnd(flow, kind, now) {
    return now + this.timeout(flow, kind) + MARGIN_MS;
  }

  /** An account, which is looked up unless that was done within a minute. */
  async account(provider, name) {
    if (!Object.hasOwn(this.accounts.providers, provider)) throw new HostError(`provider: the host has no \`${provider}\`.`);
    return this.accounts.find(provider, name);
  }

  /** The library's config for a row: the same object each time, so that it is read once. */
  config(flow, account, timeoutMs = TIMEOUT_MS) {
    const provider = providerOf(flow);
    const own = this.provider(flow).config;
    const found = this.accounts.known(provider, account);
    if (found === null) throw noAccount(provider, account);
    const name = `${provider} ${timeoutMs} ${account}`;
    let config = this.#configs.get(name);
    if (config === undefined) {
      config = { ...this.base, [provider]: { ...this.base[provider], ...own, ...found.config }, lease_ms: timeoutMs + MARGIN_MS };
      this.#configs.set(name, config);
    }
    return config;
  }

  /** Reads a stored snapshot. A newer format is told apart from one that cannot be read. */
  load(flow, key, text) {
    try {
      return load(text);
    } catch (error) {
      const isFormat = error instanceof RuleboundError && error.pointer === '/snapshot/format';
      if (isFormat && formatOf(text) > newest(flow)) throw new NewerFormat(flow, key, error);
      throw error;
    }
  }

  /** The text of a snapshot, in the format that every worker reads. */
  save(snapshot) {
    const format = this.#formats.get(snapshot.flow);
    return format === undefined || format === newest(snapshot.flow) ? snapshot.save() : snapshot.saveAs(format);
  }

  /** What every worker writes, from the database: this host must be able to write it. */
  useFormats(rows) {
    for (const [flow, format] of rows) {
      if (flows.has(flow) && format > newest(flow)) {
        throw new SchemaError(`Workers write the format ${format} of \`${flow}\`, which this release cannot write. Install a newer one.`);
      }
    }
    this.#formats = new Map(rows);
  }
}

/** An account in words: most providers have only one, which has no name. */
const accountOf = (provider, account) => (account === '' ? `account of ${provider}` : `account \`${account}\` of ${provider}`);

function noAccount(provider, account) {
  if (account !== '') return new HostError(`account: the provider \`${provider}\` has no account \`${account}\`.`);
  return new HostError(`account: is missing. The provider \`${provider}\` has several accounts and no \`apiKey\` of its own: name one, as in \`{ account: 'name' }\`.`);
}

function formatOf(text) {
  try {
    return JSON.parse(text).format;
  } catch {
    return 0;
  }
}

let formats;
const newest = (flow) => Math.max(...((formats ??= versions().formats)[flow] ?? [0]));

/** The class of a flow that is given as its class or as its id. */
function flowClass(flow) {
  const found = flows.get(typeof flow === 'string' ? flow : flow?.flow);
  if (found !== undefined) return found;
  throw new HostError(`flow: there is no flow \`${flow}\`. Use a class such as \`truemed.PaymentToken\`, or its id.`);
}

module.exports = { KINDS, Kit, TIMEOUT_MS, accountOf, flowClass, flows, newest, noAccount, providerOf };
