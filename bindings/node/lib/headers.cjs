'use strict';

const { RuleboundError, kind } = require('./text.cjs');

/**
 * Headers as an object of texts. Node gives lists for `set-cookie`, and gaps; `fetch` a class of its own, and a `Map` or
 * a list gives pairs. What stands there already is given back as it is.
 */
function textHeaders(headers, field) {
  if (typeof headers !== 'object' || headers === null) throw wrong(field, `${kind(headers)}, and no headers`);
  const isIterable = typeof headers[Symbol.iterator] === 'function';
  if (!isIterable && Object.values(headers).every((value) => typeof value === 'string')) return headers;
  const texts = new Map();
  for (const pair of isIterable ? headers : Object.entries(headers)) {
    if (!Array.isArray(pair) || pair.length !== 2 || typeof pair[0] !== 'string') {
      throw wrong(field, 'is no list of pairs such as `["content-type", "application/json"]`');
    }
    const [name, value] = pair;
    if (value === undefined) continue;
    const given = texts.has(name) ? [texts.get(name), value].flat() : value;
    texts.set(name, isList(given) ? given.join(', ') : given);
  }
  return Object.fromEntries(texts);
}

/** Whether it is a list of texts; what else a value is, the core explains. */
function isList(value) {
  return Array.isArray(value) && value.every((it) => typeof it === 'string');
}

function wrong(field, reason) {
  return new RuleboundError('malformed', field, reason);
}

module.exports = { textHeaders };
