// The cost of a decision in Node, compared with an empty call and with what a host writes without the library: the same
// update of a card, by hand with zod and as a state machine of xstate. The peers have one rule of it, and no outbox.

import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { truemed } from 'rulebound';
import { createMachine, transition } from 'xstate';
import { z } from 'zod';

const require = createRequire(import.meta.url);
const { native } = require(join(dirname(require.resolve('rulebound/package.json')), 'lib/call.cjs'));

const ROUNDS = 11;
const CALLS = 20_000;
const context = { now: 1_700_000_000_000 };
const configured = { ...context, config: { lease_ms: 60_000, truemed: { environment: 'staging' } } };
const key = '4f5a3b1e-90f3-4c1d-a8c2-0d6f4f9f3a10';
const order_items = [
  { name: 'Vitamin B12, 90 capsules', sku: 'b12-90', quantity: 1, price: 1500 },
  { name: 'Vitamin D3, 60 capsules', sku: 'd3-60', quantity: 2, price: 1100 },
];
const card = { type: 'update_payment_token', update_card_info: true };
const both = { ...card, order_items };
const charge = {
  type: 'create_payment_session',
  intent: '2026-12',
  payment_token: 'pt_1',
  total_amount: 3700,
  order_items,
  success_url: 'https://shop.example/thanks',
};

/** A token whose request is pending. */
function requested() {
  const urls = { success_url: 'https://shop.example/ok', failure_url: 'https://shop.example/no' };
  return truemed.PaymentToken.start(key).handle({ type: 'create_payment_token', order_items, ...urls }, context).next;
}

/** A token that is issued and may be charged. */
function issued() {
  const leased = requested().lease('create_payment_token:1', context).next;
  const body = JSON.stringify({ payment_token: 'pt_1', provision_token_request_id: 'ptr_1', metadata: key });
  return leased.observe({ type: 'webhook', origin: 'verified', body }, context).next;
}

const Row = z.strictObject({
  key: z.string(),
  revision: z.int(),
  token: z.string().nullable(),
  change: z.enum(['none', 'card', 'items']),
  items: z.array(z.strictObject({ name: z.string(), sku: z.string(), quantity: z.int(), price: z.int() })),
});
const Update = z.strictObject({ type: z.literal('update_payment_token'), update_card_info: z.boolean() });

function byHand(row, command) {
  const { token, revision } = row;
  const { update_card_info } = Update.parse(command);
  if (token === null || !update_card_info) return { ok: false };
  return { ok: true, next: { ...row, change: 'card', revision: revision + 1 } };
}

const machine = createMachine({
  initial: 'issued',
  states: {
    issued: { on: { update_payment_token: { target: 'pending', guard: ({ event }) => event.update_card_info } } },
    pending: {},
  },
});

const pending = requested();
const token = issued();
const row = token.save();
const hand = { key, revision: 3, token: 'pt_1', change: 'none', items: order_items };
const handRow = JSON.stringify(hand);
const state = machine.resolveState({ value: 'issued', context: hand });
const stateRow = JSON.stringify(state);
const accepted = (step) => step.ok || fail('a step was rejected');
const webhook = { type: 'webhook', origin: 'verified', body: JSON.stringify({ payment_token: 'pt_1', metadata: key }) };

const cases = {
  'empty call': () => native.empty(),
  'handle: card, accepted': () => accepted(token.handle(card, context)),
  'handle: card, accepted, with a config': () => accepted(token.handle(card, configured)),
  'handle: card, accepted, transitions': () => token.handle(card, context).transitions,
  'handle: charge, accepted': () => accepted(token.handle(charge, context)),
  'handle: card and items, rejected': () => token.handle(both, context).ok && fail('a step was accepted'),
  'lease': () => accepted(pending.lease('create_payment_token:1', context)),
  'observe: a duplicate': () => token.observe(webhook, context).ignored ?? fail('a duplicate was not ignored'),
  'load': () => truemed.PaymentToken.load(row),
  'load + handle + save: card': () => truemed.PaymentToken.load(row).handle(card, context).next.save(),
  'load + handle + save: charge': () => truemed.PaymentToken.load(row).handle(charge, context).next.save(),
  'effects': () => token.effects(context),
  'by hand, zod: handle': () => accepted(byHand(hand, card)),
  'by hand, zod: load + handle + save': () => JSON.stringify(byHand(Row.parse(JSON.parse(handRow)), card).next),
  'xstate: handle': () => transition(machine, state, card),
  'xstate: load + handle + save': () => {
    const [next] = transition(machine, machine.resolveState(JSON.parse(stateRow)), card);
    return JSON.stringify(next);
  },
};

function fail(why) {
  throw new Error(why);
}

function nanoseconds(run) {
  const began = process.hrtime.bigint();
  for (let call = 0; call < CALLS; call += 1) run();
  return Number(process.hrtime.bigint() - began) / CALLS;
}

const times = Object.fromEntries(Object.keys(cases).map((name) => [name, []]));
// Each round runs all of them in turn, so that a busy machine slows them alike. The first round warms up.
for (let round = 0; round <= ROUNDS; round += 1) {
  for (const [name, run] of Object.entries(cases)) {
    const time = nanoseconds(run);
    if (round > 0) times[name].push(time);
  }
}
console.log(`a row of ${row.length} bytes; median and least of ${ROUNDS} rounds, in ns`);
for (const [name, all] of Object.entries(times)) {
  all.sort((a, b) => a - b);
  console.log(`${name.padEnd(40)} ${all[ROUNDS >> 1].toFixed(0).padStart(8)} ${all[0].toFixed(0).padStart(8)}`);
}
