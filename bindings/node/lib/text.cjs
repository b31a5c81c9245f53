'use strict';

/** Data that rulebound cannot read: a `code`, a JSON `pointer` to it, and the `reason`; the message says what to do, too. */
class RuleboundError extends Error {
  constructor(code, pointer, reason) {
    const said = withoutPath(reason, pointer);
    super(`${pointer === '' ? '' : `${pointer}: `}${said}${cured(said, code, pointer)}`);
    this.code = code;
    this.pointer = pointer;
    this.reason = reason;
  }

  toJSON() {
    const { name, code, pointer, reason, message } = this;
    return { name, code, pointer, reason, message };
  }
}

/** A webhook that is not the provider's. */
class NotAuthentic extends RuleboundError {
  constructor(reason) {
    super('not_authentic', '', reason);
  }
}

for (const [name, type] of Object.entries({ RuleboundError, NotAuthentic })) {
  Object.defineProperty(type.prototype, 'name', { value: name, configurable: true, writable: true });
}

/** The error of a code. */
function problem(code, pointer, reason) {
  return code === 'not_authentic' ? new NotAuthentic(reason) : new RuleboundError(code, pointer, reason);
}

/** A time, wherever one is given. */
const A_TIME = 'Pass milliseconds since 1970, such as `Date.now()`, or a Date; `new Date(text)` reads a text.';

/** A body that was parsed has lost the bytes that were signed. */
const A_BODY = 'Pass the raw body, as text or bytes, and not a parsed one.';

const AN_EFFECT = 'Copy the id from `effects()`.';

/** What to do about an error, by its code, or by the argument or its member that is malformed. */
const CURES = {
  inexpressible: 'Save it with `save()`.',
  internal: 'Nothing has changed. Please report this message.',
  not_authentic: 'Discard the webhook, and reply with 401.',
  too_long: 'Pass less than 4 MiB.',
  unknown: '`catalogue()` lists every name.',
  unknown_format: '`versions().formats` lists the formats.',
  unreadable_snapshot: 'Load what `save()` gave, unchanged.',
  'unreadable_snapshot/snapshot': 'It is not the JSON of a snapshot. Load what `save()` gave, unchanged.',
  '/command': 'The builder of the command names its fields.',
  '/config': 'The type `Config` names every field.',
  '/body': A_BODY,
  '/effect': AN_EFFECT,
  '/fact/body': A_BODY,
  '/fact/effect': AN_EFFECT,
  '/fact/taken_at': A_TIME,
  '/fact': '`facts` builds a fact, and `readWebhook` the fact of a webhook.',
  '/headers': 'Pass the headers of Node or of `fetch`, a `Map`, or pairs.',
  '/key': 'Pass a UUID, such as `crypto.randomUUID()`.',
  '/now': A_TIME,
  '/secrets': 'Pass an array with the secret of the webhook.',
  '/snapshot': 'Pass what `save()` gave.',
};

/** The cure, unless the reason says it behind a colon. */
function cured(reason, code, pointer) {
  const cure = CURES[code + pointer] ?? CURES[code] ?? CURES[pointer] ?? CURES[/^\/[^/]*/.exec(pointer)?.[0]];
  return cure === undefined || /: ./.test(reason) ? '' : `${/[.!?]$/.test(reason) ? '' : '.'} ${cure}`;
}

/** What is wrong, without the end of the path in front of it: what reads a snapshot says where in it. */
function withoutPath(reason, pointer) {
  const [given, path] = /^`((?:\/[^`]*)?)`: /.exec(reason) ?? [];
  return given !== undefined && pointer.endsWith(path) ? reason.slice(given.length) : reason;
}

/** What is wrong with a string that UTF-8 cannot carry. */
const HALF = 'holds half a character (a lone surrogate)';

/** How deep a value may be nested: as deep as JSON is read. */
const DEEPEST = 127;

/**
 * A value as JSON, exactly as it is: what `JSON.stringify` would drop or turn into something else is an error, with a
 * pointer to it.
 */
function write(value, pointer) {
  const json = writePlain(value, 0);
  if (json !== undefined) return json;
  if (value === undefined) throw new RuleboundError('malformed', pointer, 'is missing');
  const wrong = flaw(value, 0);
  if (wrong !== undefined) throw new RuleboundError('malformed', pointer + wrong.pointer, wrong.message);
  return JSON.stringify(value);
}

/** What a string may hold that JSON cannot write unchanged. */
const UNPLAIN = /[^ !#-[\]-~]/;

/** A value as JSON in one walk, if it is plain throughout: nearly all is. Nothing of any other. */
function writePlain(value, depth) {
  switch (typeof value) {
    case 'string':
      return UNPLAIN.test(value) ? undefined : `"${value}"`;
    case 'boolean':
      return value ? 'true' : 'false';
    case 'number':
      return Number.isFinite(value) ? `${value}` : undefined;
    case 'object':
      if (value === null) return 'null';
      if (depth === DEEPEST) return undefined;
      return Array.isArray(value) ? writeArray(value, depth) : writeObject(value, depth);
    default:
      return undefined;
  }
}

function writeArray(array, depth) {
  let json = '';
  for (let index = 0; index < array.length; index += 1) {
    const item = writePlain(array[index], depth + 1);
    if (item === undefined) return undefined;
    json += index === 0 ? item : `,${item}`;
  }
  return `[${json}]`;
}

function writeObject(object, depth) {
  if (Object.getPrototypeOf(object) !== Object.prototype) return undefined;
  if (Object.getOwnPropertySymbols(object).length > 0) return undefined;
  let json = '';
  for (const name in object) {
    const opening = openings.get(name) ?? openingOf(name);
    const field = writePlain(object[name], depth + 1);
    if (opening === undefined || field === undefined || !Object.hasOwn(object, name)) return undefined;
    json += json === '' ? opening + field : `,${opening}${field}`;
  }
  return `{${json}}`;
}

/** What is written before the value of a field. The names are few: to find one costs less than to look through it. */
const openings = new Map();
const MOST_NAMES = 1000;
const LONGEST_NAME = 64;

function openingOf(name) {
  if (UNPLAIN.test(name)) return undefined;
  const opening = `"${name}":`;
  if (openings.size < MOST_NAMES && name.length <= LONGEST_NAME) openings.set(name, opening);
  return opening;
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
      return here('is undefined, which no JSON carries: leave it out');
    case 'object':
      return value === null ? undefined : flawInside(value, depth);
    default:
      return here(`${kind(value)}, which no JSON carries`);
  }
}

function flawInside(value, depth) {
  if (depth === DEEPEST) return { ...here('is nested too deeply, or holds itself'), isDeep: true };
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) {
      const element = value[index];
      const wrong = element === undefined ? here('is undefined, and not a value') : flaw(element, depth + 1);
      if (wrong !== undefined) return under(index, wrong);
    }
    return undefined;
  }
  if (!isPlain(value)) return here(`is of the class \`${value.constructor?.name ?? '?'}\`: only plain objects are data`);
  for (const name in value) {
    if (!name.isWellFormed()) return under(name.toWellFormed(), here(`has a name that ${HALF}`));
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
  return { pointer: '', message };
}

/** The same flaw, seen from further out. Of what is nested too deeply, only the outermost field is named. */
function under(name, wrong) {
  const pointer = `/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`;
  return { ...wrong, pointer: wrong.isDeep ? pointer : pointer + wrong.pointer };
}

/** What a value is, as a part of a sentence. */
function kind(value) {
  if (value === undefined || value === null) return `is ${value}`;
  if (Array.isArray(value)) return 'is an array';
  const name = typeof value;
  return `is ${/^[aeiou]/.test(name) ? 'an' : 'a'} ${name}`;
}

/** A string that survives UTF-8. */
function text(value, pointer) {
  if (typeof value !== 'string') throw new RuleboundError('malformed', pointer, `${kind(value)}, and not a string`);
  if (!value.isWellFormed()) throw new RuleboundError('malformed', pointer, HALF);
  return value;
}

module.exports = { NotAuthentic, RuleboundError, isPlain, problem, text, write };
