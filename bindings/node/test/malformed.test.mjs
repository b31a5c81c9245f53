// Malformed data of every kind is an ordinary error that names its field, and changes nothing.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';

import { RuleboundError, authenticate, call, correlate, flex, keyOf, load, truemed } from '../lib/index.mjs';
import { begun, create, items, issued, now, started, webhook } from './scene.mjs';

const { write } = createRequire(import.meta.url)('../lib/text.cjs');

/** Whether a call fails as malformed at a field. */
function refuses(run, field, message = /./, code = 'malformed') {
  assert.throws(run, (error) => {
    assert.ok(error instanceof RuleboundError && error instanceof Error, String(error));
    assert.deepEqual([error.name, error.code, error.field], ['RuleboundError', code, field]);
    assert.match(error.message, message);
    assert.ok(error.message.startsWith(field === '' ? error.reason : `${field}: `), error.message);
    return true;
  });
}

const command = (command) => () => started().handle(command, { now });
const fact = (fact) => () => begun().observe(fact, { now });

test('what is JSON is written as JSON.stringify writes it', () => {
  const plain = [{}, [], [[], {}], [1, 'a', null, { b: [true, false] }], { type: 'begin', effect: 'a:1' }, [-0, 1e21, 1e-7, 0.1]];
  const escaped = ['"', '\\', '\n', '\u007f', 'é', '😀', { '"': 1 }, { 'é\n': ['"'] }];
  const others = [JSON.parse('{"__proto__": {"a": 1}}'), { __proto__: null, a: 1 }, runInNewContext('({ a: [1, "b"] })'), { get a() { return 1; } }];
  for (const value of [...plain, ...escaped, ...others]) assert.equal(write(value, ''), JSON.stringify(value));
  Object.prototype.inherited = 1;
  try {
    assert.equal(write({ a: 1 }, ''), '{"a":1}');
    assert.equal(started().handle(create, { now }).ok, true);
  } finally {
    delete Object.prototype.inherited;
  }
});

test('a command of the wrong shape', () => {
  refuses(command(undefined), '/command', /undefined/);
  for (const value of [null, 1, 'begin', true, []]) refuses(command(value), '/command');
  refuses(command({}), '/command/type');
  refuses(command({ type: 'buy' }), '/command/type');
  refuses(command({ type: 'begin' }), '/command/effect');
  refuses(command({ ...create, theme: 'dark' }), '/command/theme');
  refuses(command({ ...create, success_url: 1 }), '/command/success_url');
  refuses(command({ ...create, order_items: [{ ...items[0], price: '1500' }] }), '/command/order_items/0/price');
});

test('what JSON would drop or change in silence', () => {
  const within = (value) => command({ ...create, extra: { a: [0, value] } });
  const values = [NaN, Infinity, -Infinity, undefined, Symbol('a'), () => 1, 10n, new Date(now), new Map([[1, 2]]), new Set(),
    /a/, new Number(1), Object('a'), Promise.resolve(), new (class Cart { a = 1; })(), Buffer.from('a')];
  for (const value of values) refuses(within(value), '/command/extra/a/1');
  refuses(within([, 1]), '/command/extra/a/1/0', /undefined/);
  refuses(within(new (class Cart { a = 1; })()), '/command/extra/a/1', /is of the class `Cart`/);
  refuses(within({ [Symbol('tag')]: 1 }), '/command/extra/a/1/Symbol(tag)');
  refuses(within({ toJSON: () => 1 }), '/command/extra/a/1/toJSON', /function/);
  refuses(command({ ...create, extra: { 'a/b~c': NaN } }), '/command/extra/a~1b~0c');
});

test('what JSON carries is taken, whatever made it', () => {
  const bare = Object.assign(Object.create(null), create);
  const foreign = runInNewContext(`JSON.parse(${JSON.stringify(JSON.stringify(create))})`);
  for (const given of [bare, foreign, Object.freeze({ ...create })]) {
    assert.equal(started().handle(given, { now }).next.save(), started().handle(create, { now }).next.save());
  }
});

test('numbers that not every JSON carries', () => {
  const priced = (price) => command({ ...create, order_items: [{ ...items[0], price }] });
  for (const price of [2 ** 53, 1e300, 15.5, 1e-7, -(2 ** 53)]) refuses(priced(price), '/command/order_items/0/price');
});

test('what holds itself, or is nested too deeply', () => {
  const loop = { ...create, extra: {} };
  loop.extra.again = loop;
  refuses(command(loop), '/command/extra', /too deeply, or holds itself/);
  let deep = 1;
  for (let level = 0; level < 10_000; level += 1) deep = [deep];
  refuses(command({ ...create, extra: { deep } }), '/command/extra', /too deeply/);
  let allowed = 1;
  for (let level = 0; level < 100; level += 1) allowed = [allowed];
  assert.equal(started().handle({ ...create, extra: { allowed } }, { now }).ok, true);
});

test('half a character', () => {
  refuses(command({ ...create, success_url: 'https://shop.example/\ud800' }), '/command/success_url');
  refuses(fact({ ...webhook, body: '\ud800' }), '/fact/body');
  refuses(command({ ...create, extra: { a: { 'b\ud800': 1 } } }), '/command/extra/a/b\ufffd', /name that holds half/);
  refuses(command({ ...create, '\ud800': 1 }), '/command/\ufffd', /name that holds half/);
  refuses(() => load('\udc00'), '/snapshot');
  refuses(() => call('\udc00'), '');
  refuses(() => keyOf('revup.token', '\udc00'), '/name');
  refuses(() => correlate('truemed', '\udc00'), '/body');
});

test('a time that is none', () => {
  for (const value of ['1', true, null, 1.5, NaN, Infinity, 2 ** 53, -(2 ** 53), 10n, {}, [], Symbol('a'), new Date(NaN)]) {
    refuses(() => started().owed({ now: value }), '/now');
    refuses(() => started().handle(create, { now: value }), '/now');
    refuses(() => begun().observe(webhook, { now: value }), '/now');
  }
  for (const around of [undefined, null, {}, 5, { now: undefined }]) refuses(() => started().owed(around), '/now');
  for (const edge of [0, -1, -0, 2 ** 53 - 1, new Date(0)]) assert.deepEqual(started().owed({ now: edge }), []);
});

test('circumstances of the wrong shape', () => {
  const around = (around) => () => started().handle(create, { now, ...around });
  refuses(around({ polciy: {} }), '/polciy', /none of/);
  refuses(around({ policy: { lease: -1 } }), '/policy/lease');
  refuses(around({ policy: { lease: NaN } }), '/policy/lease');
  refuses(around({ policy: { mode: 'loose' } }), '/policy/mode');
  refuses(around({ policy: { overrides: { 'truemed.no.such-rule': 'warn' } } }), '/policy/overrides/truemed.no.such-rule');
  for (const policy of ['strict', null, 5]) refuses(around({ policy }), '/policy');
  assert.equal(around({ policy: undefined, settings: null })().ok, true);
  refuses(around({ settings: { environment: 'moon' } }), '/settings/environment');
  refuses(around({ settings: { retailer: 'x' } }), '/settings/retailer');
});

test('a fact that the host built wrong', () => {
  refuses(fact(undefined), '/fact');
  refuses(fact({ type: 'tick' }), '/fact/type');
  refuses(fact({ type: 'webhook', body: '{}' }), '/fact/origin');
  refuses(fact({ type: 'webhook', origin: 'sure', body: '{}' }), '/fact/origin');
  refuses(fact({ type: 'reply', to: 'a:1', status: 99_999, body: '' }), '/fact/status');
  refuses(fact({ type: 'reply', to: '', status: 200, body: '' }), '/fact/to');
  for (const body of [{}, 1, null, new ArrayBuffer(1), new Uint16Array(1)]) refuses(fact({ ...webhook, body }), '/fact/body');
  refuses(fact({ type: 'done', effect: 'a:1', body: Buffer.from('a') }), '/fact/body');
  for (const body of ['x'.repeat(2 << 20), Buffer.alloc(2 << 20, 'x')]) assert.equal(fact({ ...webhook, body })().because, 'unreadable');
  refuses(fact({ ...webhook, body: 'x'.repeat(5 << 20) }), '', /4 MiB/, 'too_long');
});

test('a row that is no snapshot', () => {
  for (const row of [undefined, null, 1, {}, Buffer.from('{}')]) refuses(() => load(row), '/snapshot');
  for (const row of ['', '[]', 'null', '{', '1}}']) refuses(() => load(row), '/snapshot', /./, 'unreadable_snapshot');
  const saved = JSON.parse(issued().save());
  const row = (changes) => () => load(JSON.stringify({ ...saved, ...changes }));
  refuses(row({ flow: 'acme.gold' }), '/snapshot/flow', /acme/, 'unreadable_snapshot');
  refuses(row({ format: 99 }), '/snapshot/format', /99/, 'unreadable_snapshot');
  refuses(row({ revision: -1 }), '/snapshot/revision', /./, 'unreadable_snapshot');
  refuses(row({ colour: 'red' }), '/snapshot/colour', /./, 'unreadable_snapshot');
  refuses(() => flex.Checkout.load(issued().save()), '/snapshot/flow', /truemed\.payment_token/, 'unreadable_snapshot');
  refuses(() => issued().saveAs(99), '/format', /99/, 'unknown_format');
  for (const format of [undefined, '1', 1.5, NaN]) refuses(() => issued().saveAs(format), '/format');
});

test('a key that could come back', () => {
  for (const key of ['42', '', 'x'.repeat(200), 'with a space in it', undefined, 7, null]) {
    refuses(() => truemed.PaymentToken.start(key), '/key');
  }
});

test('the intake', () => {
  const headers = { 'x-truemed-api-key': 'whsec' };
  refuses(() => authenticate('acme', ['whsec'], headers, '{}', now), '/provider', /no provider/, 'unknown');
  refuses(() => authenticate('truemed', 'whsec', headers, '{}', now), '/secrets');
  refuses(() => authenticate('truemed', [1], headers, '{}', now), '/secrets/0');
  refuses(() => authenticate('truemed', [undefined], headers, '{}', now), '/secrets/0');
  refuses(() => authenticate('truemed', ['whsec'], headers, {}, now), '/body');
  refuses(() => authenticate('truemed', ['whsec'], headers, '{}'), '/now');
  refuses(() => authenticate('truemed', [], headers, '{}', now), '/secrets');
  refuses(() => authenticate('truemed', [''], headers, '{}', now), '/secrets/0');
  refuses(() => authenticate('truemed', ['whsec', 'whsec\n'], headers, '{}', now), '/secrets/1', /line break/);
  for (const tolerance of [-1, 1.5, '60000', true, NaN]) {
    refuses(() => authenticate('truemed', ['whsec'], headers, '{}', now, tolerance), '/tolerance');
  }
  refuses(() => keyOf('revup.tokn', 'x'), '/kind', /none of `vend.subscription`/);
  refuses(() => keyOf('revup.token', ''), '/name', /empty/);
  refuses(() => correlate('acme', '{}'), '/provider', /acme/, 'unknown');
  refuses(() => correlate(undefined, '{}'), '/provider');
  refuses(() => correlate('truemed', 5), '/body');
  refuses(() => call(5), '');
  assert.equal(JSON.parse(call('[')).error.code, 'malformed');
  assert.equal(JSON.parse(call(' '.repeat(5 << 20))).error.code, 'too_long');
});

test('a time in seconds', () => {
  for (const seconds of [1e9, 1_700_000_000, 1e11 - 1]) {
    for (const run of [
      () => started().handle(create, { now: seconds }),
      () => started().observe(webhook, { now: seconds }),
      () => started().owed({ now: seconds }),
      () => started().deadline({ now: seconds }),
      () => authenticate('truemed', ['whsec'], {}, '{}', seconds),
    ]) refuses(run, '/now', /seconds: give milliseconds, such as `Date\.now\(\)`/);
    // One that is meant says so.
    assert.deepEqual(started().owed({ now: new Date(seconds) }), []);
  }
  refuses(() => started().owed({ now, policy: { lease: 300 } }), '/policy/lease', /milliseconds, such as/);
});

test('headers that are none', () => {
  const at = begun();
  const given = [undefined, null, 5, [], 'x-truemed-api-key: whsec', ['x-truemed-api-key', 'whsec'], [['x-truemed-api-key']], [[1, 'whsec']]];
  for (const headers of given) {
    refuses(() => authenticate('truemed', ['whsec'], headers, '{}', now), '/headers');
    const reply = { type: 'reply', to: 'create_payment_token:1', status: 200, headers, body: '{}' };
    if (headers !== undefined) refuses(() => at.observe(reply, { now }), '/fact/headers');
  }
  for (const value of [1, null, {}, ['whsec', 1]]) {
    refuses(() => authenticate('truemed', ['whsec'], { a: value }, '{}', now), '/headers/a');
    refuses(() => authenticate('truemed', ['whsec'], [['a', value]], '{}', now), '/headers/a');
  }
});

test('what is wrong is said in plain words', () => {
  const reason = (run) => {
    try {
      return run();
    } catch (error) {
      return error.reason;
    }
  };
  assert.equal(reason(() => load(undefined)), 'is undefined, and not a text');
  assert.equal(reason(() => load({})), 'is an object, and not a text');
  assert.equal(reason(() => load([])), 'is a list, and not a text');
  assert.equal(reason(command(undefined)), 'is undefined, which no JSON carries: leave it out');
  assert.equal(reason(command({ ...create, extra: { a: 1n } })), 'is a bigint, which no JSON carries');
  assert.match(reason(() => authenticate('truemed', ['a'], 'a', '', now)), /^expected an object of header names/);
  assert.match(reason(() => authenticate('truemed', ['a'], undefined, '', now)), /^is undefined/);
  assert.throws(() => load('{}'), { message: '/snapshot/flow: missing field `flow`' });
  assert.throws(() => load('{'), { message: /^\/snapshot: [^`]/ });
});

test('an error keeps what it says when it is written', () => {
  const error = new RuleboundError('malformed', '/now', 'is missing');
  const written = { name: 'RuleboundError', code: 'malformed', field: '/now', reason: 'is missing', message: '/now: is missing' };
  assert.deepEqual(JSON.parse(JSON.stringify(error)), written);
});

test('after all of that, the next call works', () => {
  assert.equal(started().handle(create, { now }).ok, true);
});
