'use strict';

const { checkAccount } = require('./checks.cjs');
const { NeedsAccount } = require('./errors.cjs');

const CACHED_MS = 60_000;

/** The accounts of each provider: looked up outside transactions, and remembered for a minute. */
class Accounts {
  #known = new Map();

  constructor(providers, base, monotonic, onChange) {
    this.providers = providers;
    this.base = base;
    this.monotonic = monotonic;
    this.onChange = onChange;
  }

  /** An account, or null if there is none; throws `NeedsAccount` if it must be looked up first. */
  known(provider, name) {
    const settings = this.providers[provider];
    if (name === '') return settings.apiKey === undefined ? null : settings;
    if (settings.account === undefined) return null;
    const found = this.#known.get(JSON.stringify([provider, name]));
    if (found === undefined || found.until <= this.monotonic()) throw new NeedsAccount(provider, name);
    return found.account;
  }

  async find(provider, name) {
    try {
      return this.known(provider, name);
    } catch (error) {
      if (!(error instanceof NeedsAccount)) throw error;
      await this.lookUp(provider, name);
      return this.known(provider, name);
    }
  }

  async lookUp(provider, name) {
    const account = (await this.providers[provider].account(name)) ?? null;
    if (account !== null) checkAccount(provider, name, account, this.providers[provider], this.base);
    const entry = JSON.stringify([provider, name]);
    const isSame = JSON.stringify(this.#known.get(entry)?.account) === JSON.stringify(account);
    this.#known.set(entry, { account, until: this.monotonic() + CACHED_MS });
    if (!isSame) this.onChange();
  }

  /** After a 401 the account is looked up again. */
  forget(provider, name) {
    this.#known.delete(JSON.stringify([provider, name]));
  }
}

module.exports = { Accounts };
