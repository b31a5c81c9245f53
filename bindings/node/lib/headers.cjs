'use strict';

/**
 * Headers as an object of texts. Node gives lists for `set-cookie`, and gaps; `fetch` a class of its own, and a `Map` or
 * a list gives pairs. What is neither is given back as it is: the core says what is wrong with it.
 */
function textHeaders(headers) {
  if (typeof headers !== 'object' || headers === null) return headers;
  const isIterable = typeof headers[Symbol.iterator] === 'function';
  if (!isIterable && Object.values(headers).every((value) => typeof value === 'string')) return headers;
  const pairs = isIterable ? [...headers] : Object.entries(headers);
  if (!pairs.every(isPair) || (Array.isArray(headers) && pairs.length === 0)) return headers;
  const texts = new Map();
  for (const [name, value] of pairs) {
    if (value === undefined) continue;
    const given = texts.has(name) ? [texts.get(name), value].flat() : value;
    texts.set(name, isList(given) ? given.join(', ') : given);
  }
  return Object.fromEntries(texts);
}

function isPair(pair) {
  return Array.isArray(pair) && pair.length === 2 && typeof pair[0] === 'string';
}

/** Whether it is a list of texts. */
function isList(value) {
  return Array.isArray(value) && value.length > 0 && value.every((it) => typeof it === 'string');
}

module.exports = { textHeaders };
