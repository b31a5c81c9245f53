// Deliberate mistakes, each of which a strict compiler must report: a line that it accepts is an error here.

import rulebound = require('rulebound');

const { flex, load, truemed } = rulebound;
const at = truemed.PaymentToken.start('6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11');
const around = { now: 0 };
const begin = { type: 'begin', effect: 'a:1' } as const;

// @ts-expect-error a field that is misspelt
at.handle({ type: 'begin', efect: 'a:1' }, around);
// @ts-expect-error a field that is missing
at.handle({ type: 'create_payment_token' }, around);
// @ts-expect-error a field of another type
at.handle({ type: 'update_payment_token', update_card_info: 'yes' }, around);
// @ts-expect-error a field of an item that is misspelt
at.handle({ type: 'create_payment_token', order_items: [{ name: 'B12', qty: 1, price: 1 }] }, around);
// @ts-expect-error a value that a rule refuses
flex.Checkout.start('x').handle({ type: 'create_checkout_session', mode: 'paiment' }, around);
// @ts-expect-error a value that a rule refuses
flex.Checkout.start('x').handle({ type: 'create_checkout_session', mode: 'payment', capture_method: 'autmatic' }, around);
// @ts-expect-error a value that a rule refuses
truemed.PaymentSession.start('x').handle({ type: 'create_refund', amount: 1, reason: 'customer-request' }, around);
// @ts-expect-error another flow's command
at.handle({ type: 'create_checkout_session', mode: 'payment' }, around);
// @ts-expect-error no command at all
at.handle({ type: 'buy' }, around);
// @ts-expect-error no time
at.handle(begin, {});
// @ts-expect-error a time that is a text
at.handle(begin, { now: '2026-01-01' });
// @ts-expect-error an option that is misspelt
at.handle(begin, { now: 0, polciy: {} });
// @ts-expect-error the code of no rule
at.handle(begin, { now: 0, policy: { overrides: { 'truemed.no.such-rule': 'warn' } } });
// @ts-expect-error another provider's settings
at.handle(begin, { now: 0, settings: { retailer: 'x' } });
// @ts-expect-error the next snapshot of a step that may be refused
at.handle(begin, around).next;
const step = at.handle(begin, around);
if (step.ok) {
  // @ts-expect-error a request that may be absent
  step.take.url;
  // @ts-expect-error the snapshot of another flow
  const other: rulebound.flex.Checkout = step.next;
  console.log(other);
  // @ts-expect-error a step is a value
  step.changed = false;
} else {
  // @ts-expect-error what only an accepted step has
  step.learnt;
}
// @ts-expect-error a fact that is none
at.observe({ type: 'tick' }, around);
// @ts-expect-error an origin that is none
at.observe({ type: 'webhook', origin: 'sure', body: '' }, around);
// @ts-expect-error a body that was parsed
at.observe({ type: 'webhook', origin: 'verified', body: { payment_token: 'pt_1' } }, around);
// @ts-expect-error the transition of a fact that may move nothing
at.observe({ type: 'lost', to: 'a:1' }, around).next;
for (const owed of at.owed(around)) {
  // @ts-expect-error a field that only one kind of obligation has
  owed.operation;
}
// @ts-expect-error an operation that the flow does not have
at.owed(around).find((it) => it.type === 'request' && it.operation === 'create_paymnt_token');
// @ts-expect-error another flow's operation
at.owed(around).find((it) => it.type === 'request' && it.operation === 'cancel_subscription');
// @ts-expect-error a signal that the flow does not await
at.awaits(around).find((it) => it.signal === 'payment_token_update');
// @ts-expect-error a reason that is none
at.owed(around).find((it) => it.type === 'notify' && it.reason === 'action_requierd');
// @ts-expect-error a question that is none
rulebound.ask('truemed', 'need_update', {});
// @ts-expect-error another provider's question
rulebound.ask('vend', 'needs_update', {});
// @ts-expect-error a kind of key that is none
rulebound.keyOf('revup.tokn', 'x');
// @ts-expect-error a provider that there is none of
rulebound.acknowledgement('trumed');
// @ts-expect-error a provider that there is none of
rulebound.authenticate('trumed', [], {}, '', 0);
// @ts-expect-error headers that are none
rulebound.authenticate('truemed', [], 'x-truemed-api-key: whsec', '', 0);
// @ts-expect-error a flat list of headers
rulebound.authenticate('truemed', [], ['x-truemed-api-key', 'whsec'], '', 0);
// @ts-expect-error a wish that is none
at.offers(around).filter((it) => it.wish === 'capture');
// @ts-expect-error a snapshot is a value
at.revision = 7;
// @ts-expect-error a snapshot is made by `start`, `load` or a step
new truemed.PaymentToken();
// @ts-expect-error a key is a text
flex.Checkout.start(42);
// @ts-expect-error a row is a text
load(Buffer.from('{}'));
// @ts-expect-error a command of one flow is not one of any flow
load('{}').handle({ type: 'delete_payment_token' }, around);
