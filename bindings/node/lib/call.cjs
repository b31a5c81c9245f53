'use strict';

const { isDate } = require('./kinds.cjs');
const native = require('./native.cjs').load();
const { RuleboundError, problem, text, write } = require('./text.cjs');

/** The kinds of answer: `native.numbers[0]`. */
const DONE = 0;
const REJECTED = 1;
const IGNORED = 2;
const WRONG = 3;

/** One verb, JSON to JSON: `{"handle": {…}}` to `{"ok": …}`, `{"rejected": …}` or `{"error": …}`. */
function call(request) {
  const answer = native.call(text(request, ''));
  return native.numbers[0] === WRONG ? JSON.stringify({ error: JSON.parse(answer) }) : answer;
}

/** The answer of a verb, as JSON; its fields are JSON, or `undefined`. */
function answerJson(verb, fields) {
  const given = Object.entries(fields).filter(([, json]) => json !== undefined);
  const answer = call(`{"${verb}":{${given.map(([name, json]) => `"${name}":${json}`).join()}}}`);
  if (answer.startsWith('{"ok":')) return answer.slice('{"ok":'.length, -1);
  const { error = { code: 'internal', pointer: '', message: 'a bug in rulebound' } } = JSON.parse(answer);
  throw problem(error.code, error.pointer, error.message);
}

/** The answer of a verb, as a value; its fields are values. */
function answerValue(verb, fields) {
  const json = Object.entries(fields).map(([name, value]) => [name, write(value, `/${name}`)]);
  return JSON.parse(answerJson(verb, Object.fromEntries(json)));
}

/** Throws what is wrong: the problem in the answer, or else the error that `call` gives for the same verb. */
function fail(answer, verb, fields) {
  if (answer !== undefined) {
    const { code, pointer, message } = JSON.parse(answer);
    throw problem(code, pointer, message);
  }
  answerJson(verb, fields);
  throw new RuleboundError('internal', '', 'a bug in rulebound: one way rejects what the other accepts');
}

const SECONDS = 'looks like seconds since 1970: pass milliseconds or a Date';
const MICROSECONDS = 'looks like microseconds or nanoseconds since 1970: pass milliseconds or a Date';

/** Milliseconds since 1970; NaN for what is neither a date nor milliseconds, which `fail` explains. */
function instant(now, pointer = '/now') {
  if (typeof now === 'number') {
    if (now >= 1e9 && now < 1e11) throw new RuleboundError('malformed', pointer, SECONDS);
    if (now >= 1e14) throw new RuleboundError('malformed', pointer, MICROSECONDS);
    return Number.isSafeInteger(now) ? now : NaN;
  }
  if (now === undefined) throw new RuleboundError('malformed', pointer, 'is missing');
  if (!isDate(now)) return NaN;
  const millis = now.getTime();
  if (Number.isNaN(millis)) throw new RuleboundError('malformed', pointer, 'is an invalid Date');
  return millis;
}

/** A time as JSON, whatever it is. */
function instantText(now) {
  return isDate(now) ? String(now.getTime()) : write(now, '/now');
}

module.exports = { DONE, IGNORED, REJECTED, WRONG, answerJson, answerValue, call, fail, instant, instantText, native };
