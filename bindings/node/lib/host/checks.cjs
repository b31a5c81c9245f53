'use strict';

// What a host refuses when it is made: mistakes that would otherwise show when a payment depends on them.

const { RuleboundError, catalogue, readWebhook, truemed } = require('../index.cjs');
const { ConfigError, HostError } = require('./errors.cjs');
const { checkLimits } = require('./limits.cjs');

/** Whoever gives less means seconds. */
const LEAST_TIMEOUT_MS = 1_000;
/** What the library says of each provider: every webhook asks for it. */
const signing = new Map();
const ACCOUNT = ['apiKey', 'webhookSecrets', 'config', 'maxInFlight', 'maxPerSecond'];
const PROVIDER = ['apiKey', 'webhookSecrets', 'config', 'account', 'webhookToken', 'timeoutMs', 'maxInFlight', 'maxPerSecond'];

function checkProviders(providers, base) {
  const names = catalogue().providers.map((it) => it.name);
  checkConfig(base, 'config');
  for (const [name, provider] of Object.entries(providers)) {
    if (!names.includes(name)) throw new HostError(`providers: there is no provider \`${name}\`. Use ${names.join(', ')}.`);
    checkMembers(name, provider, PROVIDER);
    checkSecrets(name, provider);
    checkToken(name, provider);
    checkLimits(name, provider);
    if (provider.timeoutMs !== undefined) checkTimeout(`providers/${name}/timeoutMs`, provider.timeoutMs);
    if (provider.account !== undefined && typeof provider.account !== 'function') {
      throw new HostError(`providers/${name}/account: is no function. Write \`account: (name) => ({ apiKey: … })\`.`);
    }
    if (provider.apiKey !== undefined || provider.account === undefined) checkKey(name, provider, ', or `account` for several accounts');
    checkConfig({ ...base, [name]: { ...base[name], ...provider.config } }, `providers/${name}/config`, name);
  }
}

/** What a lookup gave: a mistake in it is the account's, and never that of the row that needs it. */
function checkAccount(provider, name, account, settings, base) {
  const where = `${provider}/accounts/${name}`;
  try {
    checkMembers(where, account, ACCOUNT);
    checkKey(where, account);
    checkSecrets(where, account);
    checkLimits(where, account);
  } catch (error) {
    throw new ConfigError(error.message);
  }
  checkConfig({ ...base, [provider]: { ...base[provider], ...settings.config, ...account.config } }, `providers/${where}/config`, provider);
}

function checkMembers(name, given, names) {
  if (typeof given !== 'object' || given === null) throw new HostError(`providers/${name}: is no object. Write \`{ apiKey: … }\`.`);
  for (const member of Object.keys(given)) {
    if (!names.includes(member)) throw new HostError(`providers/${name}/${member}: is none of ${names.join(', ')}.`);
  }
}

/** No request may be sent without a key: the provider would count it as an attack, and the account would be paused. */
function checkKey(name, { apiKey }, or = '') {
  if (apiKey === undefined || apiKey === null || apiKey === '') throw new HostError(`providers/${name}: \`apiKey\` is missing. Give it${or}.`);
  if (typeof apiKey !== 'string' || apiKey.trim() === '') throw new HostError(`providers/${name}/apiKey: is no text that is not empty.`);
}

/** A misspelt option would be as if it were not there: `acount` would take another account. */
function checkOptions(call, options, names) {
  if (typeof options !== 'object' || options === null) throw new HostError(`${call}: its options are no object. Write \`{ ${names[0]}: … }\`.`);
  for (const name of Object.keys(options)) {
    if (!names.includes(name)) throw new HostError(`${call}: it has no option \`${name}\`. Use ${names.join(', ')}.`);
  }
}

/** What goes into columns of text. */
function checkTexts(call, options) {
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && value !== null && typeof value !== 'string') throw new HostError(`${call}: \`${name}\` is a ${typeof value}, and must be a text.`);
  }
}

/** A request that the library built for no row: the worker alone sends the others, once for each lease. */
function checkRequest(request) {
  const isRequest = typeof request?.url === 'string' && typeof request.credential?.header === 'string';
  if (!isRequest) throw new HostError('sendRequest: `request` is none. Pass what a function such as `truemed.listPaymentToken({ … })` returned, or its member `request`.');
  if (request.sending !== 0) throw new HostError('sendRequest: this is a request of a row, which only a worker sends.');
}

/** The library itself reads the config, so that it is refused here exactly if it would be refused later. */
function checkConfig(config, where, provider) {
  try {
    truemed.PaymentToken.start('0'.repeat(16)).effects({ now: 0, config });
  } catch (error) {
    const member = (error.pointer ?? '').replace(/^\/config/, '').replace(provider === undefined ? '' : `/${provider}`, '');
    throw new ConfigError(`${where}${member}: ${error.message}`);
  }
}

/** A text would be read as a list of its letters, each of them a secret that anybody can guess. */
function checkSecrets(name, { webhookSecrets = [] }) {
  const isList = Array.isArray(webhookSecrets) && webhookSecrets.every((it) => typeof it === 'string' && it !== '');
  if (!isList) throw new HostError(`providers/${name}/webhookSecrets: is no list of texts that are not empty. Write \`webhookSecrets: ['whsec_…']\`.`);
}

/**
 * Whether a provider signs its webhooks, so that it needs a secret. Those of any other are hints, and the address has a part
 * that nobody can guess.
 */
function signs(provider) {
  const known = signing.get(provider);
  if (known !== undefined) return known;
  const found = asksForSecret(provider);
  signing.set(provider, found);
  return found;
}

function asksForSecret(provider) {
  try {
    readWebhook(provider, { secrets: [], headers: {}, body: '', now: 0 });
    return false;
  } catch (error) {
    if (!(error instanceof RuleboundError)) throw error;
    return error.pointer === '/secrets';
  }
}

/** Without it each webhook would be a 404, and nobody would know. */
function checkToken(name, { webhookToken }) {
  if (signs(name) || (typeof webhookToken === 'string' && webhookToken !== '')) return;
  throw new HostError(
    `providers/${name}/webhookToken: is missing. ${name} signs no webhooks: give a text that nobody can guess, and end the address of its webhooks with it, \`…/${name}/<token>\`.`,
  );
}

function checkTime(name, at) {
  if (at >= 1e9 && at < 1e11) throw new HostError(`${name}: ${at} looks like seconds since 1970. Give milliseconds.`);
}

/** A clock that gives parts, or no time at all, would write rows that are due at a wrong time. */
function checkedClock(clock) {
  const checked = () => {
    const now = clock();
    checkTime('clock', now);
    if (Number.isSafeInteger(now) && now > 0) return now;
    throw new HostError(`clock: gave ${now}. Give whole milliseconds since 1970, above 0, as \`Date.now()\` does.`);
  };
  checked();
  return checked;
}

function checkTimeout(name, value) {
  if (Number.isSafeInteger(value) && value >= LEAST_TIMEOUT_MS) return;
  throw new HostError(`${name}: ${value} is not a whole number of at least ${LEAST_TIMEOUT_MS}. It is in milliseconds.`);
}

/** A handler that wants more than it gets would fail when the first payment needs it. */
function checkHandler(kind, { call, isTransactional }) {
  if (call === null) return;
  if (typeof call !== 'function') throw new HostError(`${kind}: the handler is no function.`);
  const names = ['effect', 'row', isTransactional ? 'tx' : 'context'];
  if (call.length > names.length) throw new HostError(`${kind}: the handler takes ${call.length} parameters. It is called with (${names.join(', ')}).`);
}

module.exports = { checkAccount, checkHandler, checkOptions, checkProviders, checkRequest, checkTexts, checkTime, checkTimeout, checkedClock, signs };
