'use strict';

const { isDate } = require('node:util/types');

const native = require('./native.cjs').load();
const { RuleboundError, text, write } = require('./text.cjs');

/** What an answer is, as `native.said[0]` tells. */
const DONE = 0;
const REFUSED = 1;
const UNMOVED = 2;
const WRONG = 3;

/** One verb, JSON to JSON: `{"handle": {…}}` to `{"ok": …}`, `{"refused": …}` or `{"error": …}`. */
function call(request) {
  const answer = native.call(text(request, ''));
  return native.said[0] === WRONG ? JSON.stringify({ error: JSON.parse(answer) }) : answer;
}

/** What a verb answers, as JSON; its fields are texts of JSON, or left out. */
function answered(verb, fields) {
  const given = Object.entries(fields).filter(([, json]) => json !== undefined);
  const answer = call(`{"${verb}":{${given.map(([name, json]) => `"${name}":${json}`).join()}}}`);
  if (answer.startsWith('{"ok":')) return answer.slice('{"ok":'.length, -1);
  const { error = { code: 'internal', field: '', message: 'a bug of rulebound\'s' } } = JSON.parse(answer);
  throw new RuleboundError(error.code, error.field, error.message);
}

/** Throws what is wrong: what the answer says, or else what `call` says of the same verb. */
function fail(answer, verb, fields) {
  if (answer !== undefined) {
    const { code, field, message } = JSON.parse(answer);
    throw new RuleboundError(code, field, message);
  }
  answered(verb, fields);
  throw new RuleboundError('internal', '', 'a bug of rulebound\'s: one way refuses what the other accepts');
}

const SECONDS = 'looks like seconds: give milliseconds, such as `Date.now()`, or a Date';

/** Milliseconds since 1970; NaN for what is neither a date nor milliseconds, which `fail` explains. */
function instant(now) {
  if (typeof now === 'number') {
    if (now >= 1e9 && now < 1e11) throw new RuleboundError('malformed', '/now', SECONDS);
    return Number.isSafeInteger(now) ? now : NaN;
  }
  if (now === undefined) throw new RuleboundError('malformed', '/now', 'is missing: a Date, or milliseconds since 1970');
  if (!isDate(now)) return NaN;
  const millis = now.getTime();
  if (Number.isNaN(millis)) throw new RuleboundError('malformed', '/now', 'is an invalid Date');
  return millis;
}

/** A time as JSON, whatever it is. */
function instantText(now) {
  return isDate(now) ? String(now.getTime()) : write(now, '/now');
}

module.exports = { DONE, REFUSED, UNMOVED, WRONG, answered, call, fail, instant, instantText, native };
