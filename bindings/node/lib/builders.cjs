'use strict';

const { answerValue, instant } = require('./call.cjs');
const names = require('./names.cjs');

/** `create_payment_token` as `createPaymentToken`. */
function camel(name) {
  return name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
}

/** A builder for each command of a provider, and a function for each of its questions. */
function builders(provider) {
  const { commands, questions } = names[provider];
  const built = Object.entries(commands).map(([type, flow]) => {
    // Commands of two providers can have the same name and the same fields: the flow tells them apart.
    const head = flow === null ? { type } : { type, flow };
    return [camel(type), (fields) => ({ ...head, ...fields })];
  });
  const asked = questions.map((name) => [camel(name), (fields) => ask(provider, name, fields)]);
  return Object.fromEntries([...built, ...asked]);
}

/** Asks a provider a question that needs no snapshot. */
function ask(provider, question, fields) {
  return answerValue('ask', { provider, question, with: given(fields) });
}

/** The fields of a question; a snapshot among them as its JSON. */
function given(fields) {
  if (typeof fields?.snapshot?.toJSON !== 'function') return fields;
  return { ...fields, snapshot: fields.snapshot.toJSON() };
}

/** The time of a backup; what is no time stays as it is, so that its error can say what it is. */
function taken(at) {
  const millis = instant(at, '/taken_at');
  return Number.isNaN(millis) ? at : millis;
}

/** A builder for each fact but a webhook's, which `readWebhook` makes. */
const facts = Object.freeze({
  reply: (effect, fields) => ({ type: 'reply', effect, ...fields }),
  lost: (effect, fields) => ({ type: 'lost', effect, ...fields }),
  notSent: (effect, fields) => ({ type: 'not_sent', effect, ...fields }),
  done: (effect) => ({ type: 'done', effect }),
  reviewed: (effect, verdict, id = null) => ({ type: 'reviewed', effect, verdict, id }),
  customerReturned: () => ({ type: 'customer_returned' }),
  restored: (takenAt) => ({ type: 'restored', taken_at: taken(takenAt) }),
});

module.exports = { ask, builders, facts };
