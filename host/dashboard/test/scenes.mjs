// The rows of a shop after a month: each was played through the library.

import { MemoryHost } from './host.mjs';

const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000];
const URLS = { success_url: 'https://shop.example/ok', failure_url: 'https://shop.example/no' };
export const B12 = { name: 'B12', sku: 'b12', quantity: 1, price: 1500 };
const CREATE = { type: 'create_payment_token', order_items: [B12], ...URLS };
const CHECKOUT = { type: 'create_checkout_session', line_items: [{ price: 'fprice_1', quantity: 1 }], mode: 'off_session',
  success_url: URLS.success_url, cancel_url: URLS.failure_url, expected_total: 4999, customer: 'fcus_1', payment_method: 'fpm_1' };
export const PROVIDERS = {
  truemed: { webhook_secrets: ['whsec'], config: {} }, flex: { webhook_secrets: ['whsec'], config: {} },
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
  host.now += 40 * MINUTE;
  const body = { payment_token: 'pt_stray', provision_token_request_id: 'ptr_stray' };
  host.webhook({ provider: 'truemed', account: RTL, topic: HOSTILE, headers: { 'x-truemed-api-key': 'whsec' }, body });
  Object.assign(host.find('truemed.payment_token', keyOf(14)), { tries: 3, last_error: `Unreadable: ${HOSTILE}` });
  host.pauses = [{ provider: 'truemed', account: HOSTILE, until: now + HOUR, reason: '401' }];
  host.now = Math.max(host.now, now);
  host.handle({ flow: 'truemed.payment_token', key: keyOf(900), command: CREATE, reference: 'order-2000', account: 'eu', actor: 'user:9' });
  return host;
}
