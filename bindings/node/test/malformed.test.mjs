// Malformed data of every kind is an ordinary error that names its field, and changes nothing.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';

import { RuleboundError, call, facts, flex, keyFor, load, readWebhook, truemed } from '../lib/index.mjs';
import { EFFECT, create, issued, items, leased, now, started, webhook } from './scene.mjs';

const { write } = createRequire(import.meta.url)('../lib/text.cjs');

/** Whether a call throws an error with this pointer. */
function fails(run, pointer, message = /./, code = 'malformed') {
  assert.throws(run, (error) => {
    assert.ok(error instanceof RuleboundError && error instanceof Error, String(error));
    assert.deepEqual([error.name, error.code, error.pointer], ['RuleboundError', code, pointer]);
    assert.match(error.message, message);
    assert.ok(error.message.startsWith(pointer === '' ? error.reason : `${pointer}: `), error.message);
    return true;
  });
}

const command = (command) => () => started().handle(command, { now });
/** A webhook with some of its fields. */
const received = (fields, provider = 'truemed') => () =>
  readWebhook(provider, { secrets: ['whsec'], headers: { 'x-truemed-api-key': 'whsec' }, body: '{}', now, ...fields });
const fact = (fact) => () => leased().observe(fact, { now });

test('what is JSON is written as JSON.stringify writes it', () => {
  const plain = [{}, [], [[], {}], [1, 'a', null, { b: [true, false] }], { type: 'done', effect: 'a:1' }, [-0, 1e21, 1e-7, 0.1]];
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
  fails(command(undefined), '/command', /is missing/);
  for (const value of [null, 1, 'delete_payment_token', true, []]) fails(command(value), '/command');
  fails(command({}), '/command/type');
  fails(command({ type: 'buy' }), '/command/type');
  fails(command({ type: 'update_payment_token', order_items: [{}] }), '/command/order_items/0/name');
  // An old name of the verb.
  fails(command({ type: 'begin', effect: EFFECT }), '/command/type');
  fails(command({ ...create, theme: 'dark' }), '/command/theme');
  fails(command({ ...create, flow: 'flex.checkout' }), '/command/flow', /a command of `flex.checkout`, and this snapshot is `truemed.payment_token`/);
  fails(command({ ...create, success_url: 1 }), '/command/success_url');
  fails(command({ ...create, order_items: [{ ...items[0], price: '1500' }] }), '/command/order_items/0/price');
});

test('what JSON would drop or change in silence', () => {
  const within = (value) => command({ ...create, extra: { a: [0, value] } });
  const values = [NaN, Infinity, -Infinity, undefined, Symbol('a'), () => 1, 10n, new Date(now), new Map([[1, 2]]), new Set(),
    /a/, new Number(1), Object('a'), Promise.resolve(), new (class Cart { a = 1; })(), Buffer.from('a')];
  for (const value of values) fails(within(value), '/command/extra/a/1');
  fails(within([, 1]), '/command/extra/a/1/0', /undefined/);
  fails(within(new (class Cart { a = 1; })()), '/command/extra/a/1', /is of the class `Cart`/);
  fails(within({ [Symbol('tag')]: 1 }), '/command/extra/a/1/Symbol(tag)');
  fails(within({ toJSON: () => 1 }), '/command/extra/a/1/toJSON', /function/);
  fails(command({ ...create, extra: { 'a/b~c': NaN } }), '/command/extra/a~1b~0c');
});

test('what JSON can hold is read, whatever made it', () => {
  const bare = Object.assign(Object.create(null), create);
  const foreign = runInNewContext(`JSON.parse(${JSON.stringify(JSON.stringify(create))})`);
  for (const given of [bare, foreign, Object.freeze({ ...create })]) {
    assert.equal(started().handle(given, { now }).next.save(), started().handle(create, { now }).next.save());
  }
});

test('numbers that not every JSON carries', () => {
  const priced = (price) => command({ ...create, order_items: [{ ...items[0], price }] });
  for (const price of [2 ** 53, 1e300, 15.5, 1e-7, -(2 ** 53)]) fails(priced(price), '/command/order_items/0/price');
});

test('what holds itself, or is nested too deeply', () => {
  const loop = { ...create, extra: {} };
  loop.extra.again = loop;
  fails(command(loop), '/command/extra', /too deeply, or holds itself/);
  let deep = 1;
  for (let level = 0; level < 10_000; level += 1) deep = [deep];
  fails(command({ ...create, extra: { deep } }), '/command/extra', /too deeply/);
  let allowed = 1;
  for (let level = 0; level < 100; level += 1) allowed = [allowed];
  assert.equal(started().handle({ ...create, extra: { allowed } }, { now }).ok, true);
});

test('half a character', () => {
  fails(command({ ...create, success_url: 'https://shop.example/\ud800' }), '/command/success_url');
  fails(fact({ ...webhook, body: '\ud800' }), '/fact/body');
  fails(command({ ...create, extra: { a: { 'b\ud800': 1 } } }), '/command/extra/a/b\ufffd', /name that holds half/);
  fails(command({ ...create, '\ud800': 1 }), '/command/\ufffd', /name that holds half/);
  fails(() => load('\udc00'), '/snapshot');
  fails(() => call('\udc00'), '');
  fails(() => keyFor('revup.token', '\udc00'), '/name');
  fails(received({ body: '\udc00' }), '/body');
});

test('an effect of the wrong shape', () => {
  const lease = (effect) => () => started().handle(create, { now }).next.lease(effect, { now });
  fails(lease(undefined), '/effect', /is missing/);
  for (const effect of [null, 1, true, [], {}, [EFFECT], '', ' ', 'x'.repeat(5 << 10)]) fails(lease(effect), '/effect');
  fails(lease('a:\ud800'), '/effect', /half a character/);
  fails(lease(new String(EFFECT)), '/effect', /class `String`/);
  assert.equal(lease('create_payment_token:2')().violations[0].rule, 'rulebound.effect.not-pending');
});

test('a time that is not one', () => {
  for (const value of ['1', true, null, 1.5, NaN, Infinity, 2 ** 53, -(2 ** 53), 10n, {}, [], Symbol('a'), new Date(NaN)]) {
    fails(() => started().effects({ now: value }), '/now');
    fails(() => started().handle(create, { now: value }), '/now');
    fails(() => started().lease(EFFECT, { now: value }), '/now');
    fails(() => leased().observe(webhook, { now: value }), '/now');
  }
  for (const context of [undefined, null, {}, 5, { now: undefined }]) fails(() => started().effects(context), '/now');
  for (const edge of [0, -1, -0, 1e14 - 1, new Date(0)]) assert.deepEqual(started().effects({ now: edge }), []);
});

test('a context of the wrong shape', () => {
  const given = (context) => () => started().handle(create, { now, ...context });
  for (const name of ['confg', 'policy', 'settings']) fails(given({ [name]: {} }), `/${name}`, /neither/);
  const config = (config) => given({ config });
  fails(config({ lease_ms: -1 }), '/config/lease_ms');
  fails(config({ lease_ms: NaN }), '/config/lease_ms');
  fails(config({ mode: 'loose' }), '/config/mode');
  fails(config({ overrides: { 'truemed.no.such-rule': 'warn' } }), '/config/overrides/truemed.no.such-rule');
  // What the library itself forbids, no config permits.
  fails(config({ overrides: { 'rulebound.effect.leased': 'warn' } }), '/config/overrides/rulebound.effect.leased');
  fails(config({ polciy: {} }), '/config/polciy');
  for (const value of ['strict', null, 5]) fails(config(value), '/config');
  assert.equal(config(undefined)().ok, true);
  assert.equal(config({})().ok, true);
  fails(config({ truemed: null }), '/config/truemed');
  fails(config({ truemed: { environment: 'moon' } }), '/config/truemed/environment');
  fails(config({ truemed: { retailer: 'x' } }), '/config/truemed/retailer');
});

test('a fact that the host built wrong', () => {
  fails(fact(undefined), '/fact');
  fails(fact({ type: 'tick' }), '/fact/type');
  fails(fact({ type: 'webhook', body: '{}' }), '/fact/origin');
  fails(fact({ type: 'webhook', origin: 'sure', body: '{}' }), '/fact/origin');
  fails(fact({ type: 'reply', effect: 'a:1', http_status: 99_999, body: '' }), '/fact/http_status');
  fails(fact({ type: 'reply', effect: '', http_status: 200, body: '' }), '/fact/effect');
  fails(fact({ type: 'reply', to: EFFECT, http_status: 200, body: '' }), '/fact/to');
  fails(fact({ type: 'returned', via: 'success_url' }), '/fact/type');
  fails(fact({ type: 'done', effect: 'notify:a', verdict: 'yes' }), '/fact/verdict');
  for (const body of [{}, 1, null, new ArrayBuffer(1), new Uint16Array(1)]) fails(fact({ ...webhook, body }), '/fact/body');
  fails(fact({ type: 'done', effect: 'a:1', body: Buffer.from('a') }), '/fact/body');
  for (const body of ['x'.repeat(2 << 20), Buffer.alloc(2 << 20, 'x')]) assert.equal(fact({ ...webhook, body })().ignored.reason, 'unreadable');
  fails(fact({ ...webhook, body: 'x'.repeat(5 << 20) }), '', /4 MiB/, 'too_long');
});

test('a row that is not a snapshot', () => {
  for (const row of [undefined, null, 1, {}, Buffer.from('{}')]) fails(() => load(row), '/snapshot');
  for (const row of ['', '[]', 'null', '{', '1}}']) fails(() => load(row), '/snapshot', /./, 'unreadable_snapshot');
  const saved = JSON.parse(issued().save());
  const row = (changes) => () => load(JSON.stringify({ ...saved, ...changes }));
  fails(row({ flow: 'acme.gold' }), '/snapshot/flow', /acme/, 'unreadable_snapshot');
  fails(row({ format: 99 }), '/snapshot/format', /99/, 'unreadable_snapshot');
  fails(row({ revision: -1 }), '/snapshot/revision', /./, 'unreadable_snapshot');
  fails(row({ colour: 'red' }), '/snapshot/colour', /./, 'unreadable_snapshot');
  fails(() => flex.Checkout.load(issued().save()), '/snapshot/flow', /truemed\.payment_token/, 'unreadable_snapshot');
  fails(() => issued().saveAs(99), '/format', /99/, 'unknown_format');
  for (const format of [undefined, '1', 1.5, NaN]) fails(() => issued().saveAs(format), '/format');
});

test('a key that could come back', () => {
  for (const key of ['42', '', 'x'.repeat(200), 'with a space in it', undefined, 7, null]) {
    fails(() => truemed.PaymentToken.start(key), '/key');
  }
});

test('a webhook is malformed', () => {
  for (const provider of ['acme', '']) fails(received({}, provider), '/provider', /no provider/, 'unknown');
  fails(() => readWebhook(undefined, { secrets: [], headers: {}, body: '', now }), '/provider');
  for (const secrets of ['whsec', [], undefined]) fails(received({ secrets }), '/secrets');
  for (const secrets of [[1], [undefined], ['']]) fails(received({ secrets }), '/secrets/0');
  fails(received({ secrets: ['whsec', 'whsec\n'] }), '/secrets/1', /line break/);
  for (const body of [{}, 5, null, undefined]) fails(received({ body }), '/body');
  fails(received({ now: undefined }), '/now');
  for (const topic of [1, {}, true]) fails(received({ topic }), '/topic');
  for (const toleranceMs of [-1, 1.5, '60000', true, NaN]) fails(received({ toleranceMs }), '/toleranceMs');
  fails(received({ tolerance: 5 }), '/tolerance', /is none of secrets, headers/);
  fails(() => readWebhook('truemed'), '', /give `\{ secrets/);
  fails(() => keyFor('revup.tokn', 'x'), '/kind', /must be one of `vend.subscription`/);
  fails(() => keyFor('revup.token', ''), '/name', /empty/);
  fails(() => call(5), '');
  assert.equal(JSON.parse(call('[')).error.code, 'malformed');
  assert.equal(JSON.parse(call(' '.repeat(5 << 20))).error.code, 'too_long');
});

test('a time in seconds', () => {
  for (const seconds of [1e9, 1_700_000_000, 1e11 - 1]) {
    for (const run of [
      () => started().handle(create, { now: seconds }),
      () => started().observe(webhook, { now: seconds }),
      () => started().lease(EFFECT, { now: seconds }),
      () => started().effects({ now: seconds }),
      () => started().wakeAt({ now: seconds }),
      received({ now: seconds }),
    ]) fails(run, '/now', /looks like seconds since 1970: pass milliseconds or a Date$/);
    fails(() => started().handle(create, { now: new Date(seconds) }), '/now', /looks like seconds since 1970/);
  }
  fails(() => started().effects({ now, config: { lease_ms: 300 } }), '/config/lease_ms', /milliseconds, such as/);
});

test('what readWebhook returned is not a fact', () => {
  const received = readWebhook('vend', { secrets: [], headers: {}, body: '{}', now });
  fails(() => started().observe(received, { now }), '/fact', /is what `readWebhook` returned: pass its `fact`$/);
});

test('a time in microseconds or nanoseconds', () => {
  for (const time of [1e14, 1_700_000_000_000_000, 1_700_000_000_000_000_000]) {
    for (const run of [() => started().handle(create, { now: time }), () => started().wakeAt({ now: time }), received({ now: time })]) {
      fails(run, '/now', /looks like microseconds or nanoseconds since 1970: pass milliseconds or a Date$/);
    }
  }
  assert.deepEqual(started().effects({ now: 1e14 - 1 }), []);
});

test('headers that are not headers', () => {
  const token = leased();
  const given = [undefined, null, 5, [], 'x-truemed-api-key: whsec', ['x-truemed-api-key', 'whsec'], [['x-truemed-api-key']], [[1, 'whsec']]];
  for (const headers of given) {
    fails(received({ headers }), '/headers');
    const reply = { type: 'reply', effect: EFFECT, http_status: 200, headers, body: '{}' };
    if (headers !== undefined) fails(() => token.observe(reply, { now }), '/fact/headers');
  }
  for (const value of [1, null, {}, ['whsec', 1]]) {
    fails(received({ headers: { a: value } }), '/headers/a');
    fails(received({ headers: [['a', value]] }), '/headers/a');
  }
});

test('an error is in plain words', () => {
  const reason = (run) => {
    try {
      return run();
    } catch (error) {
      return error.reason;
    }
  };
  assert.equal(reason(() => load(undefined)), 'is undefined, and not a string');
  assert.equal(reason(() => load({})), 'is an object, and not a string');
  assert.equal(reason(() => load([])), 'is an array, and not a string');
  assert.equal(reason(command(undefined)), 'is missing');
  assert.equal(reason(command({ ...create, metadata: undefined })), 'is undefined, which no JSON carries: leave it out');
  assert.equal(reason(command({ ...create, extra: { a: 1n } })), 'is a bigint, which no JSON carries');
  assert.match(reason(received({ headers: 'a' })), /^expected an object of header names/);
  assert.match(reason(received({ headers: undefined })), /^is missing/);
  assert.throws(() => load('{}'), { message: '/snapshot/flow: missing field `flow`. Load what `save()` gave, unchanged.' });
  assert.throws(() => load('{'), { message: /^\/snapshot: [^`]/ });
  assert.throws(() => load('not json'), { message: /^\/snapshot: [^`]+\. It is not the JSON of a snapshot\. Load what `save\(\)` gave/ });
});

test('an error says what to do about the argument that is wrong', () => {
  const raw = 'Pass the raw body, as text or bytes, and not a parsed one.';
  const told = [
    [received({ body: { payment_token: 'pt_1' } }), `/body: is an object, and not a string. ${raw}`],
    [() => started().observe(facts.reply('a:1', { http_status: 200, body: {} }), { now }), `/fact/body: expected a string, found an object. ${raw}`],
    [() => started().observe(facts.done('fulfil:1'), { now }), /Copy the id from `effects\(\)`\.$/],
    [() => started().observe(facts.restored('2026-12-01'), { now }), /^\/fact\/taken_at: expected a whole number, found a string\. Pass milliseconds/],
    [received({ secrets: [process.env.NO_SUCH_SECRET] }), '/secrets/0: is undefined, and not a value. Pass an array with the secret of the webhook.'],
  ];
  for (const [run, message] of told) assert.throws(run, { message });
});

test('an error keeps what it says when it is written', () => {
  const error = new RuleboundError('malformed', '/now', 'is missing');
  const message = '/now: is missing. Pass milliseconds since 1970, such as `Date.now()`, or a Date; `new Date(text)` reads a text.';
  const written = { name: 'RuleboundError', code: 'malformed', pointer: '/now', reason: 'is missing', message };
  assert.deepEqual(JSON.parse(JSON.stringify(error)), written);
});

test('after all of that, the next call works', () => {
  assert.equal(started().handle(create, { now }).ok, true);
});
