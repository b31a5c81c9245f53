// What a decision costs in Node, beside an empty call and beside what a host writes without the library: the same
// update of a card, by hand with zod and as a machine of xstate. The peers know one rule of it, and keep no outbox.

import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { truemed } from 'rulebound';
import { createMachine, transition } from 'xstate';
import { z } from 'zod';

const require = createRequire(import.meta.url);
const { native } = require(join(dirname(require.resolve('rulebound/package.json')), 'lib/call.cjs'));

const ROUNDS = 11;
const CALLS = 20_000;
const around = { now: 1_700_000_000_000 };
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

/** A token that is issued and may be charged. */
function issued() {
  const urls = { success_url: 'https://shop.example/ok', failure_url: 'https://shop.example/no' };
  const asked = truemed.PaymentToken.start(key).handle({ type: 'create_payment_token', order_items, ...urls }, around);
  const begun = asked.next.handle({ type: 'begin', effect: 'create_payment_token:1' }, around).next;
  const body = JSON.stringify({ payment_token: 'pt_1', provision_token_request_id: 'ptr_1', metadata: key });
  return begun.observe({ type: 'webhook', origin: 'verified', body }, around).next;
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

const at = issued();
const row = at.save();
const hand = { key, revision: 3, token: 'pt_1', change: 'none', items: order_items };
const handRow = JSON.stringify(hand);
const state = machine.resolveState({ value: 'issued', context: hand });
const stateRow = JSON.stringify(state);
const accepted = (step) => step.ok || fail('a step was refused');

const cases = {
  'empty call': () => native.empty(),
  'handle: card, accepted': () => accepted(at.handle(card, around)),
  'handle: charge, accepted': () => accepted(at.handle(charge, around)),
  'handle: card and items, refused': () => at.handle(both, around).ok && fail('a step was accepted'),
  'load': () => truemed.PaymentToken.load(row),
  'load + handle + save: card': () => truemed.PaymentToken.load(row).handle(card, around).next.save(),
  'load + handle + save: charge': () => truemed.PaymentToken.load(row).handle(charge, around).next.save(),
  'owed': () => at.owed(around),
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
// A round takes each in turn, so that all see the same machine; the first warms up.
for (let round = 0; round <= ROUNDS; round += 1) {
  for (const [name, run] of Object.entries(cases)) {
    const time = nanoseconds(run);
    if (round > 0) times[name].push(time);
  }
}
console.log(`a row of ${row.length} bytes; median and least of ${ROUNDS} rounds, in ns`);
for (const [name, all] of Object.entries(times)) {
  all.sort((a, b) => a - b);
  console.log(`${name.padEnd(36)} ${all[ROUNDS >> 1].toFixed(0).padStart(8)} ${all[0].toFixed(0).padStart(8)}`);
}
