// The verbs, as the README shows them.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';

import * as rulebound from '../lib/index.mjs';
import { EFFECT, KEY, create, issued, items, leased, now, started, webhook } from './scene.mjs';

const { facts, load, readWebhook, truemed, webhookIds } = rulebound;

/** A webhook as it came in. */
const incoming = (fields) => ({ secrets: ['old', 'whsec'], headers: { 'x-truemed-api-key': 'whsec' }, body: webhook.body, now, ...fields });
const IDS = [
  { kind: 'key', id: KEY },
  { kind: 'payment_token', id: 'pt_1' },
  { kind: 'provision_token_request', id: 'ptr_1' },
];
const sorted = (ids) => ids.toSorted((a, b) => a.kind.localeCompare(b.kind));

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
  assert.deepEqual(sorted(step.new_ids), IDS.slice(1));
  const again = step.next.observe(webhook, { now });
  assert.equal(again.next, step.next);
  const nothing = { transitions: [], new_ids: [], failure: null, warnings: [] };
  assert.deepEqual({ ...again }, { ok: true, next: step.next, ignored: again.ignored, ...nothing });
  assert.equal(again.ignored.reason, 'duplicate');
  assert.match(again.ignored.detail, /\.$/);
});

test('a reply that proves no success is a failure', () => {
  const reply = (http_status, body = '') => leased().observe({ type: 'reply', effect: EFFECT, sending: 1, http_status, body }, { now });
  const throttled = reply(429);
  assert.deepEqual([throttled.ignored, throttled.transitions, throttled.new_ids, throttled.warnings], [null, [], [], []]);
  assert.equal(throttled.next.revision, 3);
  const failure = { effect: EFFECT, action: 'create_payment_token', intent: null, at: now, kind: 'throttled', http_status: 429, pointer: null, code: null, message: null, rule: null };
  assert.deepEqual(throttled.failure, failure);
  const unreadable = reply(200, '{}').failure;
  assert.deepEqual([unreadable.kind, unreadable.http_status, unreadable.pointer], ['unreadable', 200, '/provision_token_request_id']);
});

test('a command that is done already gives the same snapshot back', () => {
  const { next } = started().handle(create, { now });
  const again = next.handle(create, { now });
  assert.deepEqual([again.ok, again.ignored.reason, again.transitions], [true, 'duplicate', []]);
  assert.equal(again.next, next);
});

test('a body is text or bytes, whatever the bytes are', () => {
  const bytes = new TextEncoder().encode(webhook.body);
  const foreign = runInNewContext('Uint8Array').from(bytes);
  assert.equal(foreign instanceof Uint8Array, false);
  for (const body of [bytes, Buffer.from(bytes), bytes.subarray(0), foreign]) {
    const { fact, ids } = readWebhook('truemed', incoming({ body }));
    assert.deepEqual([sorted(ids), fact.body], [IDS, webhook.body]);
    assert.equal(leased().observe(fact, { now }).next.save(), issued().save());
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
  assert.deepEqual(token.ids().find((it) => it.kind === 'key'), IDS[0]);
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

test('a webhook is read: its fact, its ids, and the status to reply with', () => {
  const headers = { 'X-Truemed-Api-Key': 'whsec', 'content-type': 'application/json', 'set-cookie': ['a', 'b'], via: undefined };
  const pairs = [...Object.entries(headers).slice(0, 2), ['set-cookie', 'a'], ['set-cookie', 'b'], ['via', undefined]];
  const fetched = new Headers({ 'x-truemed-api-key': 'whsec', 'content-type': 'application/json' });
  for (const given of [headers, pairs, new Map(pairs), fetched]) {
    for (const body of [webhook.body, Buffer.from(webhook.body)]) {
      const { fact, ids, ...rest } = readWebhook('truemed', incoming({ headers: given, body }));
      assert.deepEqual(fact, { type: 'webhook', origin: 'verified', provider: 'truemed', content_type: 'application/json', topic: null, body: webhook.body });
      assert.deepEqual([sorted(ids), rest], [IDS, { acknowledge_with: 204, unreadable: null }]);
    }
  }
  assert.equal(readWebhook('vend', incoming({ topic: 'sale.update', body: '{}' })).fact.topic, 'sale.update');
  // A mark at the beginning is a part of the text.
  assert.equal(readWebhook('vend', incoming({ body: Buffer.from('\u{feff}{}') })).fact.body, '\u{feff}{}');
  const { fact, ids, unreadable } = readWebhook('truemed', incoming({ body: Buffer.of(0xff) }));
  assert.deepEqual([fact.body, ids], [Buffer.of(0xff), []]);
  assert.match(unreadable, /^The body /);
});

test('a stored webhook gives its ids again', () => {
  for (const body of [webhook.body, Buffer.from(webhook.body)]) {
    const { ids, unreadable } = webhookIds('truemed', { ...webhook, body });
    assert.deepEqual([sorted(ids), unreadable], [IDS, null]);
  }
  const { ids, unreadable } = webhookIds('truemed', { ...webhook, body: Buffer.of(0xff) });
  assert.deepEqual(ids, []);
  assert.match(unreadable, /^The body /);
  assert.throws(() => webhookIds('x', webhook), { code: 'unknown', pointer: '/provider' });
  assert.throws(() => webhookIds('truemed', { type: 'customer_returned' }), { code: 'malformed', pointer: '/fact/type' });
});

test('a webhook of another sender is not authentic', () => {
  const forged = () => readWebhook('truemed', incoming({ secrets: ['other'] }));
  assert.throws(forged, { name: 'NotAuthentic', code: 'not_authentic', message: /Discard the webhook|pass the/ });
  assert.throws(forged, (error) => error instanceof rulebound.NotAuthentic && error instanceof rulebound.RuleboundError);
});

test('a tolerance bounds the time of a signature', () => {
  const signed = createHmac('sha256', 'whsec').update('1700000000.{}').digest('hex');
  const headers = { 'x-truemed-signature': `t=1700000000,v1=${signed}` };
  const origin = (millis, more) =>
    readWebhook('truemed', { secrets: ['whsec'], headers, body: '{}', now: 1_700_000_000_000 + millis, ...more }).fact.origin;
  assert.equal(origin(60_001), 'verified');
  assert.equal(origin(60_001, { toleranceMs: undefined, topic: undefined }), 'verified');
  assert.equal(origin(60_000, { toleranceMs: 60_000 }), 'verified');
  const late = { code: 'not_authentic', reason: /too far from now/, message: /Z\)\. Discard the webhook, and reply with 401\.$/ };
  assert.throws(() => origin(60_001, { toleranceMs: 60_000 }), late);
});

test('a builder makes a command, a question or a fact', () => {
  const { type, ...fields } = create;
  assert.deepEqual(truemed.createPaymentToken(fields), { ...create, flow: 'truemed.payment_token' });
  assert.equal(started().handle(truemed.createPaymentToken(fields), { now }).next.save(), started().handle(create, { now }).next.save());
  assert.deepEqual(truemed.deletePaymentToken(), { type: 'delete_payment_token', flow: 'truemed.payment_token' });
  assert.deepEqual(truemed.createPaymentSession({ total_amount: 1 }), { type: 'create_payment_session', total_amount: 1 }); // Of two flows.
  assert.equal(truemed.needsUpdate({ confirmed: items, wanted: items }), false);
  assert.equal(truemed.needsUpdate({ confirmed: [], wanted: items }), true);
  assert.equal(truemed.coverage({ snapshot: issued(), order_items: items }), 'covered');
  assert.throws(() => truemed.needsUpdate({ confirmed: items }), { pointer: '/with/wanted' });
  assert.deepEqual(facts.reply(EFFECT, { http_status: 200, body: '{}' }), { type: 'reply', effect: EFFECT, http_status: 200, body: '{}' });
  assert.deepEqual(facts.lost(EFFECT, { sending: 1 }), { type: 'lost', effect: EFFECT, sending: 1 });
  assert.deepEqual(facts.notSent(EFFECT), { type: 'not_sent', effect: EFFECT });
  assert.deepEqual(facts.done('fulfill:a'), { type: 'done', effect: 'fulfill:a' });
  assert.deepEqual(facts.reviewed('review:a', 'created', 'x_1'), { type: 'reviewed', effect: 'review:a', verdict: 'created', id: 'x_1' });
  assert.deepEqual(facts.customerReturned(), { type: 'customer_returned' });
  assert.deepEqual(facts.restored(new Date(now)), { type: 'restored', taken_at: now });
});

test('a rejection prints a line for each rule', () => {
  const rejected = started().handle({ type: 'update_payment_token', update_card_info: true, order_items: items }, { now });
  const lines = rejected.message.split('\n');
  assert.equal(lines.length, rejected.violations.length);
  assert.equal(`${rejected}`, rejected.message);
  const card = lines.find((it) => it.startsWith('truemed.update.card-xor-items: '));
  assert.match(card, /At `\/update_card_info`\. Instead: `update_payment_token\/items`, then `.*`\. See https:\/\/[^ ]+\.$/);
  const token = lines.find((it) => it.startsWith('truemed.update.needs-existing-token: '));
  assert.match(token, /Unblocked by the (signal|action) `/);
  const again = leased().lease(EFFECT, { now });
  assert.match(again.message, /Unblocked by the time 2023-11-14T22:18:20\.000Z\./);
});

test('what is published is there', () => {
  const { ask, call, catalogue, keyFor, versions } = rulebound;
  assert.match(versions().library, /^\d+\.\d+\.\d+$/);
  const { flows, rules } = catalogue();
  assert.ok(rules.some((it) => it.code === 'truemed.update.card-xor-items'));
  const classes = Object.values(rulebound).flatMap(Object.values).map((it) => it.flow).filter(Boolean);
  assert.deepEqual(classes.sort(), flows.map((it) => it.id).sort());
  assert.equal(call('{"key_for": {"kind": "revup.token", "name": "tok_1"}}'), `{"ok":"${keyFor('revup.token', 'tok_1')}"}`);
  assert.match(keyFor('revup.token', 'tok_1'), /^[0-9a-f]{64}$/);
  assert.throws(() => ask('truemed', 'anything', {}), { code: 'malformed' });
});

test('require and import give the same', () => {
  const required = createRequire(import.meta.url)('../lib/index.cjs');
  assert.deepEqual(Object.keys(rulebound).sort(), Object.keys(required).sort());
  for (const [name, value] of Object.entries(rulebound)) assert.equal(value, required[name]);
});
