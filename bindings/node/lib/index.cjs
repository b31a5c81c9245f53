'use strict';

const { ask, builders, facts } = require('./builders.cjs');
const { WRONG, answerValue, call, fail, instant, instantText, native } = require('./call.cjs');
const { textHeaders } = require('./headers.cjs');
const { isSharedArrayBuffer, isUint8Array } = require('./kinds.cjs');
const { Snapshot, load, providers, written } = require('./snapshot.cjs');
const { NotAuthentic, RuleboundError, text, write } = require('./text.cjs');

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What `readWebhook` takes. */
const WEBHOOK = ['secrets', 'headers', 'body', 'now', 'topic', 'toleranceMs'];

/** Reads a webhook: its fact with the body, its ids, and the status to reply with; or throws `NotAuthentic`. */
function readWebhook(provider, options) {
  if (typeof options !== 'object' || options === null) {
    throw new RuleboundError('malformed', '', 'the webhook is missing: give `{ secrets, headers, body, now }`');
  }
  for (const name of Object.keys(options)) {
    if (!WEBHOOK.includes(name)) throw new RuleboundError('malformed', `/${name}`, `is none of ${WEBHOOK.join(', ')}`);
  }
  const { secrets, headers, body, now, topic = null, toleranceMs = null } = options;
  const millis = instant(now);
  const fields = {
    provider: write(provider, '/provider'),
    secrets: write(secrets, '/secrets'),
    headers: write(textHeaders(headers), '/headers'),
    topic: topic === null ? undefined : write(topic, '/topic'),
    tolerance_ms: toleranceMs === null ? undefined : write(toleranceMs, '/toleranceMs'),
  };
  const about = topic === null ? undefined : topic;
  const answer = native.readWebhook(provider, fields.secrets, fields.headers, raw(body), millis, about, fields.tolerance_ms);
  if (native.numbers[0] === WRONG) failWebhook(answer, { ...fields, body: '""', now: instantText(now) });
  const received = JSON.parse(answer);
  received.fact.body = plain(body);
  return received;
}

/** A body as text, so that a fact can be stored as JSON. Bytes that are no text stay as they are. */
function plain(body) {
  if (!isUint8Array(body)) return body;
  try {
    return decoder.decode(body);
  } catch {
    return body;
  }
}

/** The ids of a webhook that is stored: what `readWebhook` would find now. */
function webhookIds(provider, fact) {
  const [json, bytes] = written(fact);
  const answer = native.webhookIds(text(provider, '/provider'), json, bytes);
  if (native.numbers[0] === WRONG) fail(answer, 'webhook_ids', { provider: JSON.stringify(provider), fact: json });
  return JSON.parse(answer);
}

/** Throws what is wrong with a webhook, at the name that the field has here. */
function failWebhook(answer, fields) {
  try {
    fail(answer, 'read_webhook', fields);
  } catch (error) {
    if (error.pointer !== '/tolerance_ms') throw error;
    throw new RuleboundError(error.code, '/toleranceMs', error.reason);
  }
}

/** A raw body as bytes, which no other thread can change while they are read. */
function raw(body) {
  if (!isUint8Array(body)) return encoder.encode(text(body, '/body'));
  return isSharedArrayBuffer(body.buffer) ? new Uint8Array(body) : body;
}

/** Every rule and every flow. */
function catalogue() {
  return answerValue('catalogue', {});
}

/** The versions of the library, of the rules, and of the call protocol. */
function versions() {
  return answerValue('versions', {});
}

/** The key of a flow whose identity is the provider's own thing. */
function keyFor(kind, name) {
  const answer = native.keyFor(text(kind, '/kind'), text(name, '/name'));
  if (native.numbers[0] === WRONG) fail(answer, 'key_for', { kind: JSON.stringify(kind), name: JSON.stringify(name) });
  return answer;
}

/** The flows' classes, the builders and the questions of each provider. */
const modules = Object.entries(providers).map(([name, flows]) => [name, Object.freeze({ ...flows, ...builders(name) })]);

module.exports = {
  ...Object.fromEntries(modules),
  NotAuthentic,
  RuleboundError,
  Snapshot,
  ask,
  call,
  catalogue,
  facts,
  keyFor,
  load,
  readWebhook,
  versions,
  webhookIds,
};
