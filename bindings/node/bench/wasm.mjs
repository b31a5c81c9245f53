// The library as WebAssembly beside the binary, in one process: the same decisions, in turns. The argument is the module of
// the package with WebAssembly.

import * as binary from '../lib/index.mjs';

const wasm = await import(process.argv[2]);

const ROUNDS = 101;
const CALLS = 200;
const now = 1_700_000_000_000;
const order_items = [
  { name: 'Vitamin B12, 90 capsules', sku: 'b12-90', quantity: 1, price: 1500 },
  { name: 'Vitamin D3, 60 capsules', sku: 'd3-60', quantity: 2, price: 1100 },
];
const key = '4f5a3b1e-90f3-4c1d-a8c2-0d6f4f9f3a10';
const create = { type: 'create_payment_token', order_items, success_url: 'https://shop.example/ok', failure_url: 'https://shop.example/no' };
const card = { type: 'update_payment_token', update_card_info: true };
const webhook = { type: 'webhook', origin: 'verified', body: JSON.stringify({ payment_token: 'pt_1', provision_token_request_id: 'ptr_1', metadata: key }) };

/** The decisions that are measured, in one of the two libraries. */
function cases({ truemed }) {
  const pending = truemed.PaymentToken.start(key).handle(create, { now }).next;
  const token = pending.lease('create_payment_token:1', { now }).next.observe(webhook, { now }).next;
  const row = token.save();
  return {
    'handle: a card, accepted': () => token.handle(card, { now }),
    'handle: card and items, rejected': () => token.handle({ ...card, order_items }, { now }),
    'observe: a duplicate': () => token.observe(webhook, { now }),
    'effects': () => token.effects({ now }),
    'load + handle + save': () => truemed.PaymentToken.load(row).handle(card, { now }).next.save(),
  };
}

function nanoseconds(run) {
  const began = process.hrtime.bigint();
  for (let call = 0; call < CALLS; call += 1) run();
  return Number(process.hrtime.bigint() - began) / CALLS;
}

const both = [cases(binary), cases(wasm)];
const times = new Map(Object.keys(both[0]).map((name) => [name, [[], []]]));
// Each round is short, so that a busy machine leaves some of them alone. The first ones warm up.
for (let round = -ROUNDS; round < ROUNDS; round += 1) {
  for (const [name, all] of times) {
    for (const [index, library] of both.entries()) {
      const time = nanoseconds(library[name]);
      if (round >= 0) all[index].push(time);
    }
  }
}
console.log(`the least of ${ROUNDS} rounds, in ns${' '.repeat(12)}binary     wasm   times as long`);
for (const [name, [native, other]] of times) {
  const [a, b] = [Math.min(...native), Math.min(...other)];
  console.log(`${name.padEnd(38)} ${a.toFixed(0).padStart(8)} ${b.toFixed(0).padStart(8)} ${(b / a).toFixed(1).padStart(8)}`);
}
