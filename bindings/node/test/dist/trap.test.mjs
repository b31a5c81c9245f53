// A trap in the WebAssembly module: the call fails, and a new instance takes over without mixing up any snapshot.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';

const require = createRequire(import.meta.url);
const KEY = '6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a1';
const now = 1_700_000_000_000;

/** How often an instance was made, and whether the next call of one traps. */
let instances = 0;
let traps = false;

const { Instance } = WebAssembly;
WebAssembly.Instance = class {
  constructor(module, imports) {
    const { exports } = new Instance(module, imports);
    instances += 1;
    this.exports = { ...exports, enter: (verb) => enter(exports, verb) };
  }
};

function enter(exports, verb) {
  exports.enter(verb);
  if (!traps) return;
  traps = false;
  throw new WebAssembly.RuntimeError('unreachable');
}

const { truemed, versions } = require('@rulebound/wasm');

/** A snapshot at revision 1 that was not written yet: only its number leads to it. */
function created(digit) {
  const command = { order_items: [{ name: 'B12', sku: 'b12', quantity: 1, price: 1500 }], success_url: 'https://a.example', failure_url: 'https://b.example' };
  return truemed.PaymentToken.start(KEY + digit).handle(truemed.createPaymentToken(command), { now }).next;
}

test('a call that traps is an error, and the next one works', () => {
  traps = true;
  assert.throws(() => versions(), { code: 'internal', message: /a bug in rulebound: unreachable/ });
  assert.equal(instances, 2);
  assert.equal(typeof versions().library, 'string');
});

test('a snapshot from before a trap is still itself', () => {
  const before = Array.from({ length: 5 }, (_, digit) => created(digit));
  traps = true;
  assert.throws(() => versions(), { code: 'internal' });
  const after = Array.from({ length: 5 }, (_, digit) => created(9 - digit));
  for (const [digit, snapshot] of before.entries()) assert.equal(JSON.parse(snapshot.save()).key, KEY + digit);
  for (const [digit, snapshot] of after.entries()) assert.equal(JSON.parse(snapshot.save()).key, KEY + (9 - digit));
  assert.equal(before[0].effects({ now })[0].id, 'create_payment_token:1');
});
