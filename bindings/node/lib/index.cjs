'use strict';

const { isSharedArrayBuffer, isUint8Array } = require('node:util/types');

const { WRONG, answerJson, call, fail, instant, instantText, native } = require('./call.cjs');
const { textHeaders } = require('./headers.cjs');
const { Snapshot, load, providers } = require('./snapshot.cjs');
const { RuleboundError, text, write } = require('./text.cjs');

/** The answer of a verb, as a value; its fields are values. */
function answerValue(verb, fields) {
  const json = Object.entries(fields).map(([name, value]) => [name, write(value, `/${name}`)]);
  return JSON.parse(answerJson(verb, Object.fromEntries(json)));
}

/** Whether a webhook is the provider's; throws `not_authentic` if it is not. */
function authenticate(provider, secrets, headers, body, now, tolerance) {
  const millis = instant(now);
  const fields = {
    provider: write(provider, '/provider'),
    secrets: write(secrets, '/secrets'),
    headers: write(textHeaders(headers), '/headers'),
  };
  const bytes = raw(body);
  const span = tolerance === undefined || tolerance === null ? undefined : write(tolerance, '/tolerance');
  const answer = native.authenticate(provider, fields.secrets, fields.headers, bytes, millis, span);
  if (native.numbers[0] === WRONG) {
    fail(answer, 'authenticate', { ...fields, body: '""', now: instantText(now), tolerance: span });
  }
  return JSON.parse(answer);
}

/** A raw body as bytes, which no other thread can change while they are read. */
function raw(body) {
  if (!isUint8Array(body)) return Buffer.from(text(body, '/body'));
  return isSharedArrayBuffer(body.buffer) ? Buffer.from(body) : body;
}

/** The ids by which a webhook finds its flows. */
function correlate(provider, body) {
  const bytes = raw(body);
  const answer = native.correlate(provider, bytes);
  if (native.numbers[0] === WRONG) fail(answer, 'correlate', { provider: write(provider, '/provider'), body: '""' });
  return JSON.parse(answer);
}

/** The status that the provider wants for a stored webhook. */
function acknowledgement(provider) {
  return answerValue('acknowledgement', { provider });
}

/** Asks one of the provider's pure modules a question. */
function ask(provider, question, fields) {
  return answerValue('ask', { provider, question, with: fields });
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

module.exports = {
  ...providers,
  RuleboundError,
  Snapshot,
  acknowledgement,
  ask,
  authenticate,
  call,
  catalogue,
  correlate,
  keyFor,
  load,
  versions,
};
