'use strict';

/** Data that rulebound cannot read: a `code`, the `field` as a JSON Pointer, and a message. */
class RuleboundError extends Error {
  constructor(code, field, message) {
    super(message);
    this.code = code;
    this.field = field;
  }
}
Object.defineProperty(RuleboundError.prototype, 'name', { value: 'RuleboundError', configurable: true, writable: true });

/** What is wrong with a text that UTF-8 cannot carry. */
const HALF = 'holds half a character (a lone surrogate)';

/** How deep a value may be nested: as deep as JSON is read. */
const DEEPEST = 128;

/**
 * A value as JSON, exactly as it stands: what `JSON.stringify` would drop or turn into something else is refused, with
 * its field.
 */
function write(value, field) {
  const wrong = flaw(value, 0);
  if (wrong !== undefined) throw new RuleboundError('malformed', field + wrong.field, wrong.message);
  return JSON.stringify(value);
}

/** What keeps a value from being JSON, and where; nothing for most. */
function flaw(value, depth) {
  switch (typeof value) {
    case 'string':
      return value.isWellFormed() ? undefined : here(HALF);
    case 'boolean':
      return undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : here(`is ${value}, which no JSON carries`);
    case 'undefined':
      return here('is undefined: leave it out, or say null');
    case 'object':
      return value === null ? undefined : flawInside(value, depth);
    default:
      return here(`is a ${typeof value}, which no JSON carries`);
  }
}

function flawInside(value, depth) {
  if (depth === DEEPEST) return { ...here('is nested too deeply, or holds itself'), isDeep: true };
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) {
      const wrong = flaw(value[index], depth + 1);
      if (wrong !== undefined) return under(index, wrong);
    }
    return undefined;
  }
  if (!isPlain(value)) return here(`is a ${value.constructor?.name ?? 'thing'}: only plain objects are data`);
  for (const name in value) {
    const wrong = flaw(value[name], depth + 1);
    if (wrong !== undefined) return under(name, wrong);
  }
  const [symbol] = Object.getOwnPropertySymbols(value);
  return symbol === undefined ? undefined : under(String(symbol), here('is no name of a field'));
}

/** Whether it is an object of this realm or another, and of no class. */
function isPlain(value) {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Object.getPrototypeOf(prototype) === null;
}

function here(message) {
  return { field: '', message };
}

/** The same flaw, seen from further out. Of what is nested too deeply, only the outermost field is named. */
function under(name, wrong) {
  const field = `/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`;
  return { ...wrong, field: wrong.isDeep ? field : field + wrong.field };
}

/** A text that survives UTF-8. */
function text(value, field) {
  if (typeof value !== 'string') throw new RuleboundError('malformed', field, `is a ${typeof value}, and not a text`);
  if (!value.isWellFormed()) throw new RuleboundError('malformed', field, HALF);
  return value;
}

module.exports = { RuleboundError, text, write };
