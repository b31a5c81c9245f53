// The rows of a shop after a month: each was played through the library.

import { createHmac } from 'node:crypto';

import { MemoryHost } from './host.mjs';

const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000];
const URLS = { success_url: 'https://shop.example/ok', failure_url: 'https://shop.example/no' };
export const B12 = { name: 'B12', sku: 'b12', quantity: 1, price: 1500 };
const CREATE = { type: 'create_payment_token', order_items: [B12], ...URLS };
const CHECKOUT = { type: 'create_checkout_session', line_items: [{ price: 'fprice_1', quantity: 1 }], mode: 'off_session',
  success_url: URLS.success_url, cancel_url: URLS.failure_url, expected_total: 4999, customer: 'fcus_1', payment_method: 'fpm_1' };
const PURCHASE = { type: 'create_checkout_session', line_items: [{ price: 'fprice_1', quantity: 1 }], mode: 'payment', success_url: URLS.success_url,
  cancel_url: URLS.failure_url, expected_total: 4999 };
export const PROVIDERS = {
  truemed: { webhook_secrets: ['whsec'], config: {} }, flex: { webhook_secrets: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'], config: {} },
  vend: { config: { domain_prefix: 'shop' } }, revup: { config: {} },
};
export const HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(2)>';
export const RTL = '\u202Eطلب-٤٢\u202C " onload="alert(3)';
export const LONG = 'order-'.concat('x'.repeat(294));

export function keyOf(number) {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
}

function truemedWebhook(host, body) {
  host.webhook({ provider: 'truemed', headers: { 'x-truemed-api-key': 'whsec' }, body });
}

/** A token, asked for by its own key; its customer has finished if `isIssued`. */
function token(host, number, reference, isIssued) {
  host.handle({ flow: 'truemed.payment_token', key: keyOf(number), command: CREATE, reference, actor: `user:${number}` });
  host.script([{ operation: 'create_payment_token', reply: { status: 200, body: { provision_token_request_id: `ptr_${number}`, redirect_url: `https://truemed.example/q/${number}` } } }]);
  host.tick();
  if (!isIssued) return;
  host.now += 4 * MINUTE;
  truemedWebhook(host, { payment_token: `pt_${number}`, provision_token_request_id: `ptr_${number}` });
  host.tick();
}

/** A life with a declined charge, a repaired card, a delivery, and a command that rules forbid. */
function life(host, number) {
  const act = (command) => host.handle({ flow: 'truemed.payment_token', key: keyOf(number), command, actor: 'user:7' });
  const charge = { type: 'create_payment_session', intent: '2026-12', payment_token: `pt_${number}`, total_amount: 1500, order_items: [B12], ...URLS };
  token(host, number, 'order-1017', true);
  host.now += DAY;
  act(charge);
  host.script([{ operation: 'create_payment_session', reply: { status: 422, body: { payment_session_id: `ps_${number}`, error: 'CardExpired', redirect_url: 'https://truemed.example/card' } } }]);
  host.tick();
  host.now += 2 * HOUR;
  truemedWebhook(host, { payment_token: `pt_${number}`, failed_payment_session_id: `ps_${number}` });
  act(charge);
  host.script([{ operation: 'create_payment_session', reply: { status: 200, body: { id: `ps_${number}b` } } }]);
  host.tick();
  host.now += 5 * MINUTE;
  truemedWebhook(host, { payment_session_id: `ps_${number}b`, status: 'captured', capture_amount: 1500, payment_token: `pt_${number}` });
  host.tick();
  host.now += 9 * DAY;
  act({ type: 'update_payment_token', update_card_info: true });
  host.script([{ operation: 'update_payment_token', reply: { status: 200, body: { next_action: 'UpdatePaymentMethod', provision_token_request_id: `ptr_${number}c`, redirect_url: 'https://truemed.example/c' } } }]);
  host.tick();
  host.now += HOUR;
  act({ type: 'update_payment_token', update_card_info: true, order_items: [B12, { ...B12, sku: 'mg', name: 'Magnesium' }] });
}

/** A purchase that is refunded in part: the refund is pending, and later the customer has it. */
function refund(host, number) {
  const row = { flow: 'flex.checkout', key: keyOf(number) };
  host.handle({ ...row, command: PURCHASE, reference: 'order-1077', actor: 'user:12' });
  const created = Math.floor(host.now / 1000);
  const session = { checkout_session_id: `fcs_${number}`, status: 'open', mode: 'payment', amount_total: 4999, amount_subtotal: 4999, created_at: created,
    expires_at: created + 3600, client_reference_id: row.key, customer: 'fcus_1', test_mode: false };
  const paid = { ...session, status: 'complete', amount_received: 4999, amount_refunded: 0, payment_intent: 'fpi_1', refunds: [] };
  const pending = { refund_id: 'fref_1', payment_intent_id: 'fpi_1', amount: 1000, status: 'pending', created_at: new Date(host.now).toISOString(), test_mode: false,
    metadata: { rulebound_key: `flex.checkout:${row.key}:create_refund:vitamin-gone` } };
  const visit = () => { while (host.visit(host.find(row.flow, row.key))); };
  const event = (number, event_type, object) => flexWebhook(host, { event_id: `fevt_${number}`, event_type, object });
  host.script([{ operation: 'create_checkout_session', reply: { status: 200, body: { checkout_session: session } } }]);
  visit();
  host.now += MINUTE;
  event(1, 'checkout.session.completed', { checkout_session: paid });
  visit();
  host.now += HOUR;
  host.handle({ ...row, command: { type: 'create_refund', intent: 'vitamin-gone', amount: 1000 }, actor: 'user:7' });
  host.script([{ operation: 'create_refund', reply: { status: 200, body: { checkout_session: { ...paid, amount_refunded: 1000, refunds: [pending] } } } }]);
  visit();
  host.now += MINUTE;
  event(2, 'refund.updated', { refund: { ...pending, status: 'succeeded' } });
  host.retry(row, 'ada');
}

/** A webhook of Flex, signed as Flex signs. */
function flexWebhook(host, body) {
  const [text, seconds] = [JSON.stringify(body), String(Math.floor(host.now / 1000))];
  const secret = PROVIDERS.flex.webhook_secrets[0].replace('whsec_', '');
  const signature = createHmac('sha256', Buffer.from(secret, 'base64')).update(`msg_1.${seconds}.${text}`).digest('base64');
  const headers = { 'svix-id': 'msg_1', 'svix-timestamp': seconds, 'svix-signature': `v1,${signature}` };
  host.webhook({ provider: 'flex', headers, body: text });
}

/** Charges that cannot be made: a rule forbids one that has no token yet, and the provider refuses a price. */
function refusals(host) {
  const charge = { type: 'create_payment_session', intent: 'first', payment_token: 'pt_9', total_amount: 1500, order_items: [B12], ...URLS };
  host.handle({ flow: 'truemed.payment_token', key: keyOf(6), command: charge, actor: 'user:44' });
  host.now += MINUTE;
  const row = { flow: 'flex.checkout', key: keyOf(7) };
  host.handle({ ...row, command: CHECKOUT, reference: 'order-1099', actor: 'user:45' });
  host.script([{ operation: 'create_checkout_session', reply: { status: 400, body: { error: { code: 'price_not_found', message: 'No such price' } } } }]);
  host.visit(host.find(row.flow, row.key));
}

/** A charge whose reply was lost, and a session that may be the one: a question for a person. */
export function question(host, number, reference) {
  const row = { flow: 'flex.checkout', key: keyOf(number) };
  host.handle({ ...row, command: CHECKOUT, reference, actor: 'user:12' });
  const created = Math.floor(host.now / 1000);
  const found = { checkout_session_id: `fcs_${number}`, status: 'open', mode: 'off_session', amount_total: 4999, amount_subtotal: 4999,
    created_at: created, expires_at: created + 3600, redirect_url: `https://pay.example/c/${number}`, client_reference_id: null, customer: null,
    subscription: null, invoice: null, test_mode: false };
  host.script([{ operation: 'create_checkout_session', fault: 'lost' },
    { operation: 'find_checkout_session', reply: { status: 200, body: { checkout_sessions: [found] } } }]);
  const made = host.find(row.flow, row.key);
  host.visit(made);
  host.now += 7 * MINUTE;
  while (host.visit(made));
}

/** The shop: 50 rows that wait and more, one of each kind that a person must look at, and hostile names. */
export function shop({ now = Date.now(), many = 56 } = {}) {
  const host = new MemoryHost({ now: now - 31 * DAY, providers: PROVIDERS });
  life(host, 1);
  question(host, 2, 'order-1042');
  host.handlers.fulfill = 'raise';
  token(host, 3, 'order-1050', true);
  host.now += HOUR;
  host.handle({ flow: 'truemed.payment_token', key: keyOf(3), command: { type: 'create_payment_session', intent: 'first', payment_token: 'pt_3', total_amount: 1500, order_items: [B12], ...URLS } });
  host.script([{ operation: 'create_payment_session', reply: { status: 200, body: { id: 'ps_3' } } }]);
  host.tick();
  truemedWebhook(host, { payment_session_id: 'ps_3', status: 'captured', capture_amount: 1500, payment_token: 'pt_3' });
  for (let round = 0; round < 6; round += 1) {
    host.tick();
    host.now += 2 * HOUR;
  }
  host.now = Math.max(host.now, now - HOUR - many * 7 * MINUTE);
  const references = [HOSTILE, RTL, LONG];
  for (let number = 10; number < 10 + many; number += 1) {
    host.now += 7 * MINUTE;
    token(host, number, references[number - 10] ?? (number % 3 ? `order-${1100 + number}` : null), false);
  }
  host.now += 20 * MINUTE;
  refusals(host);
  host.now += 19 * MINUTE;
  host.handlers.fulfill = 'ok';
  refund(host, 4);
  const body = { payment_token: 'pt_stray', provision_token_request_id: 'ptr_stray' };
  host.webhook({ provider: 'truemed', account: RTL, topic: HOSTILE, headers: { 'x-truemed-api-key': 'whsec' }, body });
  Object.assign(host.find('truemed.payment_token', keyOf(14)), { tries: 3, last_error: `Unreadable: ${HOSTILE}` });
  host.pauses = [{ provider: 'truemed', account: HOSTILE, until: now + HOUR, reason: '401' }];
  host.now = Math.max(host.now, now);
  host.handle({ flow: 'truemed.payment_token', key: keyOf(900), command: CREATE, reference: 'order-2000', account: 'eu', actor: 'user:9' });
  return host;
}
