// Whether a JSON value has a shape, as the contract of the host kits describes shapes.

import assert from 'node:assert/strict';

const TYPES = {
  string: (it) => typeof it === 'string', integer: Number.isSafeInteger, boolean: (it) => typeof it === 'boolean', null: (it) => it === null,
  object: (it) => it !== null && typeof it === 'object' && !Array.isArray(it), any: () => true,
};

export function fits(value, shape, at = '') {
  if (typeof shape === 'string') {
    assert.ok(shape.split('|').some((type) => TYPES[type](value)), `${at || '/'} is ${JSON.stringify(value)} and not ${shape}`);
  } else if (Array.isArray(shape)) {
    assert.ok(Array.isArray(value), `${at || '/'} is not an array`);
    if (shape.length === 0) assert.deepEqual(value, [], at);
    value.forEach((it, index) => fits(it, shape[0], `${at}/${index}`));
  } else if (Object.hasOwn(shape, '=')) assert.deepEqual(value, shape['='], at);
  else if (Object.hasOwn(shape, '#')) {
    assert.ok(Array.isArray(value), `${at || '/'} is not an array`);
    assert.equal(value.length, shape['#'], `the length of ${at || '/'}`);
    fits(value, [shape.each], at);
  } else {
    assert.ok(TYPES.object(value), `${at || '/'} is not an object`);
    const named = Object.keys(shape).filter((it) => it !== '*');
    for (const name of named) assert.ok(Object.hasOwn(value, name), `${at}/${name} is missing`);
    for (const [name, it] of Object.entries(value)) {
      const expected = named.includes(name) ? shape[name] : shape['*'];
      assert.notEqual(expected, undefined, `${at}/${name} should not be there`);
      fits(it, expected, `${at}/${name}`);
    }
  }
}
