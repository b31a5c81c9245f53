// The verbs, as the README shows them.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';

import * as rulebound from '../lib/index.mjs';
import { EFFECT, KEY, create, issued, items, leased, now, started, webhook } from './scene.mjs';

const { load, truemed } = rulebound;

test('a flow starts with its key, at revision 0', () => {
  const token = started();
  assert.ok(token instanceof truemed.PaymentToken);
  assert.deepEqual([token.flow, token.key, token.revision], ['truemed.payment_token', KEY, 0]);
  assert.equal(truemed.PaymentToken.flow, 'truemed.payment_token');
});

test('an accepted command leads to the next snapshot, and leaves this one as it was', () => {
  const token = started();
  const before = token.save();
  const step = token.handle(create, { now });
  assert.equal(step.ok, true);
  assert.equal(step.ignored, null);
  assert.deepEqual(step.transitions, [{ facet: 'token', before: 'absent', after: 'requested', trigger: 'create_payment_token' }]);
  assert.equal(step.transitions, step.transitions);
  assert.deepEqual([step.new_ids, step.failure, step.warnings], [[], null, []]);
  assert.deepEqual([token.revision, step.next.revision], [0, 1]);
  assert.equal(token.save(), before);
  assert.equal(step.next, step.next);
});

test('only a lease hands out the request', () => {
  const { next } = started().handle(create, { now });
  const [effect] = next.effects({ now });
  assert.deepEqual([effect.id, effect.type, effect.ready], [EFFECT, 'request', true]);
  const lease = next.lease(effect.id, { now: new Date(now) });
  assert.equal(lease.ok, true);
  assert.equal(lease.request.url, 'https://api.truemed.com/api/v1/payment_tokens/create');
  assert.deepEqual(lease.request.credential, { header: 'x-truemed-api-key', scheme: null });
  assert.deepEqual(JSON.parse(lease.request.body).order_items, items);
  assert.deepEqual([next.revision, lease.next.revision, lease.warnings], [1, 2, []]);
  const again = lease.next.lease(effect.id, { now });
  assert.equal(again.ok, false);
  assert.deepEqual(again.violations.map((it) => it.rule), ['rulebound.effect.leased']);
  assert.deepEqual(again.violations[0].unblocked_by, { type: 'time', at: now + 5 * 60_000 });
});

test('the lease of an effect that is no request hands out none', () => {
  const survey = '{"provision_token_request_id": "ptr_2", "redirect_url": "https://truemed.example/q/2", "next_action": "TakeHealthSurvey"}';
  const { next } = issued().handle({ type: 'update_payment_token', order_items: items.map((it) => ({ ...it, quantity: 2 })) }, { now });
  const effect = 'update_payment_token:1';
  const token = next.lease(effect, { now }).next.observe({ type: 'reply', effect, http_status: 200, body: survey }, { now }).next;
  const notify = token.effects({ now }).find((it) => it.type === 'notify');
  const lease = token.lease(notify.id, { now });
  assert.deepEqual([lease.ok, lease.request, lease.warnings], [true, null, []]);
  assert.equal(lease.next.effects({ now }).find((it) => it.id === notify.id).leased_until, now + 5 * 60_000);
  const done = lease.next.observe({ type: 'done', effect: notify.id }, { now });
  assert.equal(done.ignored, null);
  assert.ok(!done.next.effects({ now }).some((it) => it.id === notify.id));
});

test('a rejected command names every rule, and what would be allowed instead', () => {
  const rejected = issued().handle({ type: 'update_payment_token', update_card_info: true, order_items: items }, { now });
  assert.equal(rejected.ok, false);
  const [violation] = rejected.violations;
  assert.equal(violation.rule, 'truemed.update.card-xor-items');
  assert.deepEqual([violation.level, violation.pointer, violation.unblocked_by], ['deny', '/update_card_info', null]);
  assert.deepEqual(violation.instead, ['update_payment_token/items', 'update_payment_token/card']);
  assert.equal('next' in rejected, false);
});

test('a fact moves the flow; a duplicate gives the same snapshot back', () => {
  const step = leased().observe(webhook, { now });
  assert.equal(step.ignored, null);
  assert.deepEqual(step.transitions.map((it) => [it.facet, it.after]), [['token', 'issued']]);
  assert.deepEqual(step.new_ids, ['ptr_1', 'pt_1']);
  const again = step.next.observe(webhook, { now });
  assert.equal(again.next, step.next);
  const nothing = { transitions: [], new_ids: [], failure: null, warnings: [] };
  assert.deepEqual({ ...again }, { ok: true, next: step.next, ignored: { reason: 'duplicate' }, ...nothing });
});

test('a reply that proves no success is a failure', () => {
  const reply = (http_status, body = '') => leased().observe({ type: 'reply', effect: EFFECT, sending: 1, http_status, body }, { now });
  const throttled = reply(429);
  assert.deepEqual([throttled.ignored, throttled.transitions, throttled.new_ids, throttled.warnings], [null, [], [], []]);
  assert.equal(throttled.next.revision, 3);
  const failure = { effect: EFFECT, kind: 'throttled', http_status: 429, pointer: null, code: null, message: null, rule: null };
  assert.deepEqual(throttled.failure, failure);
  const unreadable = reply(200, '{}').failure;
  assert.deepEqual([unreadable.kind, unreadable.http_status, unreadable.pointer], ['unreadable', 200, '/provision_token_request_id']);
});

test('a command that is done already gives the same snapshot back', () => {
  const { next } = started().handle(create, { now });
  const again = next.handle(create, { now });
  assert.deepEqual([again.ok, again.ignored, again.transitions], [true, { reason: 'duplicate' }, []]);
  assert.equal(again.next, next);
});

test('a body is text or bytes, whatever the bytes are', () => {
  const bytes = new TextEncoder().encode(webhook.body);
  const foreign = runInNewContext('Uint8Array').from(bytes);
  assert.equal(foreign instanceof Uint8Array, false);
  for (const body of [bytes, Buffer.from(bytes), bytes.subarray(0), foreign]) {
    assert.deepEqual(rulebound.correlate('truemed', body).sort(), [KEY, 'pt_1', 'ptr_1']);
    assert.equal(leased().observe({ ...webhook, body }, { now }).next.save(), issued().save());
  }
  for (const body of [Uint8Array.of(0xff, 0xfe), Buffer.alloc(0)]) {
    assert.equal(leased().observe({ ...webhook, body }, { now }).ignored.reason, 'unreadable');
  }
});

test('the views show the status, the effects, the waits, the actions and the ids', () => {
  const body = '{"provision_token_request_id": "ptr_1", "redirect_url": "https://truemed.example/q/1"}';
  const token = leased().observe({ type: 'reply', effect: EFFECT, http_status: 200, body }, { now }).next;
  const [wait, ...others] = token.waitingFor({ now });
  assert.deepEqual([wait.signal, wait.customer_url, others], ['payment_token_updated', 'https://truemed.example/q/1', []]);
  const { facets, customer_url, last_failure } = token.status({ now });
  assert.deepEqual([facets.token, customer_url, last_failure], ['awaiting', wait.customer_url, null]);
  const items = token.actions({ now }).find((it) => it.action === 'update_payment_token/items');
  assert.deepEqual([items.allowed, items.violations.map((it) => it.rule)], [false, ['truemed.update.needs-existing-token']]);
  assert.ok(token.wakeAt({ now }) > now);
  assert.ok(token.ids().includes(KEY));
});

test('the headers of a reply are what Node and fetch give', () => {
  const reply = { type: 'reply', effect: EFFECT, http_status: 429, body: '' };
  const seconds = (headers) => leased().observe({ ...reply, headers }, { now }).next.effects({ now })[0].not_before - now;
  const lists = { 'retry-after': '90', 'set-cookie': ['a=1', 'b=2'], via: undefined };
  const given = [lists, new Headers({ 'Retry-After': '90' }), new Map([['retry-after', '90']]), [['Retry-After', '90']]];
  for (const headers of given) assert.equal(seconds(headers), 90_000);
  const bytes = { ...reply, headers: lists, body: Buffer.from('{}') };
  assert.equal(leased().observe(bytes, { now }).next.effects({ now })[0].not_before, now + 90_000);
});

test('a config is data', () => {
  const { next } = started().handle(create, { now });
  const config = { lease_ms: 1000, truemed: { environment: 'staging' } };
  const lease = next.lease(EFFECT, { now, config });
  assert.match(lease.request.url, /^https:\/\/dev-api\.truemed\.com|staging/);
  assert.equal(lease.next.effects({ now })[0].leased_until, now + 1000);
  // The native side remembers the last config; the next one counts all the same.
  const other = next.lease(EFFECT, { now, config: { ...config, lease_ms: 2000 } });
  assert.equal(other.next.effects({ now })[0].leased_until, now + 2000);
  const plain = next.lease(EFFECT, { now });
  assert.match(plain.request.url, /^https:\/\/api\.truemed\.com/);
  assert.equal(plain.next.effects({ now })[0].leased_until, now + 5 * 60_000);
});

test('a row of any flow is loaded as its class', () => {
  const row = issued().save();
  const token = load(row);
  assert.ok(token instanceof truemed.PaymentToken);
  assert.equal(token.save(), row);
  assert.equal(truemed.PaymentToken.load(row).revision, 3);
  assert.equal(load(` ${row}\n`).save(), row);
  assert.equal(token.saveAs(JSON.parse(row).format), row);
});

test('a snapshot cannot be made or changed by hand', () => {
  assert.throws(() => new truemed.PaymentToken(), /comes from `start`, `load`, a step or a lease/);
  assert.throws(() => {
    started().revision = 5;
  }, TypeError);
});

test('a webhook is authenticated, correlated and acknowledged', () => {
  const { acknowledgement, authenticate, correlate } = rulebound;
  const [secrets, headers] = [['old', 'whsec'], { 'X-Truemed-Api-Key': 'whsec', 'set-cookie': ['a', 'b'], via: undefined }];
  const pairs = [['X-Truemed-Api-Key', 'whsec'], ['set-cookie', 'a'], ['set-cookie', 'b'], ['via', undefined]];
  for (const given of [headers, pairs, new Map(pairs), new Headers({ 'x-truemed-api-key': 'whsec' })]) {
    for (const body of [webhook.body, Buffer.from(webhook.body)]) {
      assert.equal(authenticate('truemed', secrets, given, body, now), 'verified');
      assert.deepEqual(correlate('truemed', body).sort(), [KEY, 'pt_1', 'ptr_1']);
    }
  }
  assert.throws(() => authenticate('truemed', ['other'], headers, webhook.body, now), { code: 'not_authentic' });
  assert.equal(acknowledgement('truemed'), 204);
});

test('a tolerance bounds the time of a signature', () => {
  const signed = createHmac('sha256', 'whsec').update('1700000000.{}').digest('hex');
  const headers = { 'x-truemed-signature': `t=1700000000,v1=${signed}` };
  const authenticate = (millis, ...tolerance) =>
    rulebound.authenticate('truemed', ['whsec'], headers, '{}', 1_700_000_000_000 + millis, ...tolerance);
  assert.equal(authenticate(60_001), 'verified');
  assert.equal(authenticate(60_001, undefined), 'verified');
  assert.equal(authenticate(60_000, 60_000), 'verified');
  assert.throws(() => authenticate(60_001, 60_000), { code: 'not_authentic', reason: /too far from now/ });
});

test('what is published is there', () => {
  const { ask, call, catalogue, keyFor, versions } = rulebound;
  assert.match(versions().library, /^\d+\.\d+\.\d+$/);
  const { flows, rules } = catalogue();
  assert.ok(rules.some((it) => it.code === 'truemed.update.card-xor-items'));
  const classes = Object.values(rulebound).flatMap(Object.values).map((it) => it.flow).filter(Boolean);
  assert.deepEqual(classes.sort(), flows.map((it) => it.id).sort());
  assert.equal(call('{"acknowledgement": {"provider": "truemed"}}'), '{"ok":204}');
  assert.match(keyFor('revup.token', 'tok_1'), /^[0-9a-f]{64}$/);
  assert.throws(() => ask('truemed', 'anything', {}), { code: 'malformed' });
});

test('require and import give the same', () => {
  const required = createRequire(import.meta.url)('../lib/index.cjs');
  assert.deepEqual(Object.keys(rulebound).sort(), Object.keys(required).sort());
  for (const [name, value] of Object.entries(rulebound)) assert.equal(value, required[name]);
});
