'use strict';

// Accounts that take no requests for now. A pause concerns an account, never a row.

const { sql } = require('./dialect.cjs');

const [MINUTE, HOUR] = [60_000, 3_600_000];
/** The reason of a pause that a mistake in the account's config began. */
const CONFIG = 'config';
const NOT_ADMITTED = [401, 403, 407];
const READ = 'SELECT until, reason, count FROM {p}pauses WHERE provider = ? AND account = ?';
// Only one worker moves the end of a pause on: it sends the probe.
const PROBE = 'UPDATE {p}pauses SET until = ? WHERE provider = ? AND account = ? AND until <= ?';
const DELETE = 'DELETE FROM {p}pauses WHERE provider = ? AND account = ?';
const SET = `INSERT INTO {p}pauses AS it (provider, account, until, reason, count) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (provider, account) DO UPDATE SET until = excluded.until, reason = excluded.reason, count = excluded.count`;

/** Whether a request of the row's account can be leased now, and whether it is the probe after a pause. */
function* maySend(locked) {
  const { kit, provider, account, flow, now } = locked;
  locked.pausedUntil = kit.limits.take(locked, kit.limit(provider, account), kit.leaseEnd(flow, 'request', now));
  if (locked.pausedUntil !== null) return { may: false, isProbe: false };
  const permit = yield* gate(locked);
  if (!permit.may) kit.limits.leave(locked);
  return permit;
}

function* gate(locked) {
  const { provider, account, now, pause } = locked;
  if (pause === null) return { may: true, isProbe: false };
  const { until, reason } = pause;
  if (until <= now) {
    if (reason === '429' || reason === CONFIG) return { may: true, isProbe: true }; // Nothing has to be proved.
    if ((yield sql(PROBE, now + MINUTE, provider, account, now)).count === 1) return { may: true, isProbe: true };
  }
  locked.pausedUntil = until <= now ? now + MINUTE : until;
  return { may: false, isProbe: false };
}

/** Begins, prolongs or ends the pause of the row's account, as the provider's reply says. */
function* afterReply(locked, work, { http_status: status, headers }) {
  const { kit, provider, account, now } = locked;
  const isRefused = NOT_ADMITTED.includes(status);
  if (!isRefused && status !== 429) {
    if (work.isProbe) yield sql(DELETE, provider, account);
    return;
  }
  if (status === 401) kit.accounts.forget(provider, account);
  const [[until, reason, count] = [0, '', 0]] = (yield sql(READ, provider, account)).rows;
  // A request that was in flight when the pause began changes nothing.
  if (until > now && !work.isProbe && reason !== '429') return;
  const number = isRefused && reason !== '429' ? count + 1 : 1;
  const rest = isRefused ? Math.min(MINUTE * 2 ** Math.min(number - 1, 10), HOUR) : retryAfter(headers, now);
  yield sql(SET, provider, account, now + rest, String(status), number);
}

/** An account whose config has a mistake rests for a minute, until it is looked up again. */
function* misconfigured(provider, account, now) {
  yield sql(SET, provider, account, now + MINUTE, CONFIG, 1);
}

/** A person says that the account can take requests again. */
function* end(provider, account) {
  yield sql(DELETE, provider, account);
}

/** How long to rest after a 429: what the provider says, otherwise a minute; an hour at most. */
function retryAfter(headers, now) {
  const text = new Headers(headers).get('retry-after') ?? '';
  const rest = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Math.min(Math.max(Number.isNaN(rest) ? MINUTE : rest, 1000), HOUR);
}

module.exports = { afterReply, end, maySend, misconfigured };
