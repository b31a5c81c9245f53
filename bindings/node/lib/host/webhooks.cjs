'use strict';

// A webhook is stored as it came and acknowledged; a worker applies it.

const { timingSafeEqual, createHash } = require('node:crypto');

const { NotAuthentic, RuleboundError, readWebhook, ...library } = require('../index.cjs');
const { signs } = require('./checks.cjs');
const { HostError, describe } = require('./errors.cjs');
const inbox = require('./inbox.cjs');
const { visit } = require('./visit.cjs');

const LIMIT = 1 << 20;

/** The HTTP status to reply with, once the webhook is stored or refused. */
async function receive(kit, run, provider, { headers = {}, body = '', account = '', token = null, topic = null }) {
  checkBody(body);
  if (!Object.hasOwn(kit.providers, provider) || !isToken(kit.providers[provider], provider, token)) return 404;
  if (Buffer.byteLength(body) > LIMIT) return 413;
  let found;
  try {
    // The provider's own address has its own secrets, also if each request is an account's.
    found = account === '' ? kit.providers[provider] : await kit.accounts.find(provider, account);
  } catch (error) {
    kit.log({ level: 'error', event: 'account_failed', provider, account, error: describe(error) });
    return 503;
  }
  if (found === null) return 404;
  const own = found.webhookSecrets ?? [];
  const secrets = own.length > 0 ? own : (kit.providers[provider].webhookSecrets ?? []);
  if (signs(provider) && secrets.length === 0) return withoutSecret(kit, provider, account);
  const read = reading(kit, provider, { secrets, headers, body, topic });
  if (typeof read === 'number') return read;
  let entry;
  try {
    entry = await run(() => inbox.store(kit, provider, account, read.fact, read.ids.map(({ id }) => id)));
  } catch (error) {
    kit.log({ level: 'error', event: 'webhook_not_stored', provider, error: describe(error), message: error.message });
    return 503;
  }
  await kit.hooks.checkpoint('stored');
  // If this fails, a worker finds the entry by its own `wake_at`.
  if (entry !== null && kit.dialect.isPostgres) await run(() => inbox.wake(kit, entry)).catch(() => {});
  await kit.hooks.checkpoint('correlated');
  return read.acknowledge_with;
}

/**
 * What a callback says that a customer's browser has brought. It is no webhook: its address is in the browser, so it has no token. It
 * proves nothing, and the rows that know its ids look at the provider.
 */
async function callback(kit, run, provider, body) {
  const { says, fact, ids } = readCallback(kit, provider, body);
  try {
    for (const [flow, key] of await run(() => inbox.knowing(kit, provider, ids))) await run(() => visit(kit, flow, key, fact, { actor: 'customer' }));
  } catch (error) {
    // Without the hint a row looks later; what the callback says comes only once.
    kit.log({ level: 'warn', event: 'callback_failed', provider, error: describe(error), message: error.message });
  }
  return says;
}

function readCallback(kit, provider, body) {
  if (!Object.hasOwn(kit.providers, provider)) throw new HostError(`callback: the host has no \`${provider}\`.`);
  const read = library[provider].readCallback;
  if (read === undefined) throw new HostError(`callback: ${provider} has none. When the browser comes back, call \`customerReturned\`.`);
  checkBody(body);
  if (Buffer.byteLength(body) > LIMIT) throw new HostError('callback: the body is larger than 1 MiB. Do not read more of it.');
  const says = read({ body: Buffer.from(body).toString() });
  const { fact, ids } = readWebhook(provider, { secrets: [], headers: {}, body, now: kit.clock() });
  return { says, fact, ids: ids.map(({ id }) => id) };
}

function checkBody(body) {
  if (typeof body === 'string' || body instanceof Uint8Array) return;
  throw new HostError('body: is no string and no bytes. Pass the raw body, as it came, and not what a parser made of it.');
}

/** What the webhook says, or the status of one that is not stored. */
function reading(kit, provider, { secrets, ...delivery }) {
  const { log } = kit;
  try {
    const read = readWebhook(provider, { secrets, ...delivery, now: kit.clock() });
    if (read.unreadable === null && read.ids.length > 0) return read;
    if (read.unreadable === null) {
      // No row can ever take it: a row is found by an id.
      log({ level: 'info', event: 'webhook_dropped', provider, topic: delivery.topic });
      return read.acknowledge_with;
    }
    log({ level: 'warn', event: 'webhook_unreadable', provider, reason: read.unreadable });
    return read.fact.origin === 'unverified' ? 400 : read;
  } catch (error) {
    if (!(error instanceof RuleboundError)) throw error;
    log({ level: 'warn', event: 'webhook_refused', provider, error: describe(error) });
    return error instanceof NotAuthentic ? 401 : 400;
  }
}

/** Without a secret nothing is authentic: that is said once, because the sender comes with each event. */
function withoutSecret(kit, provider, account) {
  const address = `${provider} ${account}`;
  if (!kit.warned.has(address)) {
    const cure = 'No webhook of it is authentic. Give `webhookSecrets`, or let the provider send none.';
    kit.log({ level: 'warn', event: 'webhook_without_secret', provider, account, message: cure });
  }
  kit.warned.add(address);
  return 401;
}

function isToken({ webhookToken }, provider, token) {
  if (signs(provider)) return token === null;
  if (!webhookToken || typeof token !== 'string') return false;
  const [given, wanted] = [token, webhookToken].map((text) => createHash('sha256').update(text).digest());
  return timingSafeEqual(given, wanted);
}

/** The parts of a webhook's path: `provider`, then an account, then the token of a provider that does not sign. */
function address(path) {
  const [provider = '', ...rest] = path.split('/').filter(Boolean).map(decodeURIComponent);
  const token = signs(provider) ? null : (rest.pop() ?? null);
  return rest.length > 1 ? null : { provider, account: rest[0] ?? '', token };
}

module.exports = { LIMIT, address, callback, receive };
