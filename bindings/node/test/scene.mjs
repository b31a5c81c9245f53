// What the tests share: a token that is issued, and the times and commands on the way there.

import { truemed } from '../lib/index.mjs';

export const KEY = '6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11';
export const now = 1_700_000_000_000;
export const items = [{ name: 'B12', sku: 'b12', quantity: 1, price: 1500 }];
export const create = {
  type: 'create_payment_token',
  order_items: items,
  success_url: 'https://shop.example/ok',
  failure_url: 'https://shop.example/no',
};
export const webhook = {
  type: 'webhook',
  origin: 'verified',
  body: JSON.stringify({ payment_token: 'pt_1', provision_token_request_id: 'ptr_1', metadata: KEY }),
};

export function started() {
  return truemed.PaymentToken.start(KEY);
}

/** The effect that the command leads to. */
export const EFFECT = 'create_payment_token:1';

/** A token whose request is leased. */
export function leased() {
  const { next } = started().handle(create, { now });
  return next.lease(EFFECT, { now }).next;
}

export function issued() {
  return leased().observe(webhook, { now }).next;
}
