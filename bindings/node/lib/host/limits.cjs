'use strict';

// Limits of an account: how many of its requests this process has in flight, and how many it begins in a second.

const { HostError } = require('./errors.cjs');

const SECOND = 1_000;
/** How long a request lasts as a rule, in milliseconds. After it, a place can be free. */
const REQUEST = 200;

const named = (...names) => JSON.stringify(names);

/** What this process does at each account that has limits. */
class Limits {
  #used = new Map();

  /**
   * Takes a place for a request of a row, until its lease ends. If there is none, it says when to try again: the rows that are turned
   * away get different times, so that each is likely to find a place.
   */
  take({ provider, account, flow, key, now }, limit, until) {
    if (!limit.maxInFlight && !limit.maxPerSecond) return null;
    const name = named(provider, account);
    const used = this.#used.get(name) ?? { inFlight: new Map(), begun: [], turnedAway: 0 };
    this.#used.set(name, used);
    // A place that is not given back is free when its lease has ended.
    for (const [row, end] of used.inFlight) if (end <= now) used.inFlight.delete(row);
    used.begun = used.begun.filter((at) => at <= now && now < at + SECOND);
    const freeAt = whenFree(used, named(flow, key), limit, now);
    if (freeAt === null) {
      used.inFlight.set(named(flow, key), until);
      used.begun.push(now);
    }
    used.turnedAway = freeAt === null ? 0 : used.turnedAway + 1;
    return freeAt;
  }

  /** Gives a place back, because the request has ended or was not begun. */
  leave({ provider, account, flow, key }) {
    if (this.#used.size === 0) return;
    this.#used.get(named(provider, account))?.inFlight.delete(named(flow, key));
  }
}

/** When there is likely a place; null if there is one now. */
function whenFree({ inFlight, begun, turnedAway }, row, { maxInFlight, maxPerSecond }, now) {
  const found = [];
  const others = inFlight.size - (inFlight.has(row) ? 1 : 0);
  if (maxInFlight && others >= maxInFlight) found.push(now + (Math.floor(turnedAway / maxInFlight) + 1) * REQUEST);
  if (maxPerSecond && begun.length >= maxPerSecond) {
    found.push(begun[turnedAway % maxPerSecond] + (Math.floor(turnedAway / maxPerSecond) + 1) * SECOND);
  }
  return found.length === 0 ? null : Math.max(...found);
}

function checkLimits(provider, settings) {
  for (const name of ['maxInFlight', 'maxPerSecond']) {
    const value = settings[name];
    if (value === undefined || (Number.isInteger(value) && value > 0)) continue;
    throw new HostError(`providers/${provider}/${name}: ${value} is not a whole number of at least 1.`);
  }
}

module.exports = { Limits, checkLimits };
