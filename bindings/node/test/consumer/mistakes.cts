// Deliberate mistakes, each of which a strict compiler must report: a line that it accepts is an error here.

import rulebound = require('rulebound');

const { flex, load, revup, truemed, vend } = rulebound;
const token = truemed.PaymentToken.start('6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11');
const context = { now: 0 };
const end = { type: 'delete_payment_token' } as const;

// @ts-expect-error a field that is misspelt
token.handle({ type: 'update_payment_token', update_card_inf: true }, context);
// @ts-expect-error a field that is missing
token.handle({ type: 'create_payment_token' }, context);
// @ts-expect-error a field of another type
token.handle({ type: 'update_payment_token', update_card_info: 'yes' }, context);
// @ts-expect-error a field of an item that is misspelt
token.handle({ type: 'create_payment_token', order_items: [{ name: 'B12', qty: 1, price: 1 }] }, context);
// @ts-expect-error a value that a rule rejects
flex.Checkout.start('x').handle({ type: 'create_checkout_session', mode: 'paiment' }, context);
// @ts-expect-error a value that a rule rejects
flex.Checkout.start('x').handle({ type: 'create_checkout_session', mode: 'payment', capture_method: 'autmatic' }, context);
// @ts-expect-error a value that a rule rejects
truemed.PaymentSession.start('x').handle({ type: 'create_refund', amount: 1, reason: 'customer-request' }, context);
// @ts-expect-error another flow's command
token.handle({ type: 'create_checkout_session', mode: 'payment' }, context);
// @ts-expect-error no command at all
token.handle({ type: 'buy' }, context);
// @ts-expect-error no time
token.handle(end, {});
// @ts-expect-error a time that is a text
token.handle(end, { now: '2026-01-01' });
// @ts-expect-error an option that is misspelt
token.handle(end, { now: 0, confg: {} });
// @ts-expect-error a choice that is misspelt
token.handle(end, { now: 0, config: { lease: 60_000 } });
// @ts-expect-error the code of no rule
token.handle(end, { now: 0, config: { overrides: { 'truemed.no.such-rule': 'warn' } } });
// @ts-expect-error a level that is none
token.handle(end, { now: 0, config: { overrides: { 'truemed.update.card-xor-items': 'refuse' } } });
// @ts-expect-error a provider that there is none of
token.handle(end, { now: 0, config: { trumed: {} } });
// @ts-expect-error another provider's settings
token.handle(end, { now: 0, config: { truemed: { retailer: 'x' } } });
// @ts-expect-error the next snapshot of a command that may be rejected
token.handle(end, context).next;
const step = token.handle(end, context);
if (step.ok) {
  // @ts-expect-error what only a lease has
  step.request;
  // @ts-expect-error the snapshot of another flow
  const other: rulebound.flex.Checkout = step.next;
  console.log(other);
  // @ts-expect-error a step is a value
  step.ignored = null;
} else {
  // @ts-expect-error what only an accepted step has
  step.new_ids;
}
// @ts-expect-error a lease that may be rejected
token.lease('a:1', context).next;
// @ts-expect-error an effect's id that is no text
token.lease({ effect: 'a:1' }, context);
// @ts-expect-error no time
token.lease('a:1', {});
const lease = token.lease('a:1', context);
if (lease.ok) {
  // @ts-expect-error a request that may be absent
  lease.request.url;
  // @ts-expect-error what only a step has
  lease.transitions;
} else {
  // @ts-expect-error what only a lease has
  lease.request;
}
// @ts-expect-error a fact that is none
token.observe({ type: 'tick' }, context);
// @ts-expect-error an origin that is none
token.observe({ type: 'webhook', origin: 'sure', body: '' }, context);
// @ts-expect-error a body that was parsed
token.observe({ type: 'webhook', origin: 'verified', body: { payment_token: 'pt_1' } }, context);
// @ts-expect-error the effect under another name
token.observe({ type: 'lost', to: 'a:1' }, context);
// @ts-expect-error a verdict that is no part of `done`
token.observe({ type: 'done', effect: 'a:1', verdict: 'yes' }, context);
// @ts-expect-error a review without its verdict
token.observe({ type: 'reviewed', effect: 'review:a' }, context);
// @ts-expect-error what may be absent
token.observe({ type: 'lost', effect: 'a:1' }, context).ignored.reason;
// @ts-expect-error what only a rejected command has
token.observe({ type: 'lost', effect: 'a:1' }, context).violations;
for (const effect of token.effects(context)) {
  // @ts-expect-error a field that only one kind of effect has
  effect.operation;
}
// @ts-expect-error an operation that the flow does not have
token.effects(context).find((it) => it.type === 'request' && it.operation === 'create_paymnt_token');
// @ts-expect-error another flow's operation
token.effects(context).find((it) => it.type === 'request' && it.operation === 'cancel_subscription');
// @ts-expect-error a signal that the flow does not wait for
token.waitingFor(context).find((it) => it.signal === 'payment_token_update');
// @ts-expect-error a reason that is none
token.effects(context).find((it) => it.type === 'notify' && it.reason === 'action_requierd');
// @ts-expect-error a question that is none
rulebound.ask('truemed', 'need_update', {});
// @ts-expect-error another provider's question
rulebound.ask('vend', 'needs_update', {});
// @ts-expect-error a kind of key that is none
rulebound.keyFor('revup.tokn', 'x');
const webhook = { secrets: ['whsec'], headers: {}, body: '{}', now: 0 };
// @ts-expect-error a provider that there is none of
rulebound.readWebhook('trumed', webhook);
// @ts-expect-error headers that are none
rulebound.readWebhook('truemed', { ...webhook, headers: 'x-truemed-api-key: whsec' });
// @ts-expect-error a flat list of headers
rulebound.readWebhook('truemed', { ...webhook, headers: ['x-truemed-api-key', 'whsec'] });
// @ts-expect-error a body that was parsed
rulebound.readWebhook('truemed', { ...webhook, body: { payment_token: 'pt_1' } });
// @ts-expect-error no time
rulebound.readWebhook('truemed', { secrets: ['whsec'], headers: {}, body: '{}' });
// @ts-expect-error an option that is misspelt
rulebound.readWebhook('truemed', { ...webhook, tolerance: 1 });
// @ts-expect-error a field that the result does not have
rulebound.readWebhook('truemed', webhook).origin;
// @ts-expect-error an id is no text
rulebound.readWebhook('truemed', webhook).ids.map((it) => it.toUpperCase());
// @ts-expect-error a field that is misspelt
truemed.createPaymentToken({ order_items: [], succes_url: 'https://shop.example/ok' });
// @ts-expect-error a field that is missing
truemed.createPaymentToken({ success_url: 'https://shop.example/ok' });
// @ts-expect-error a field of another type
truemed.createPaymentToken({ order_items: [{ name: 'B12', quantity: 1, price: '15.00' }] });
// @ts-expect-error a command that the provider does not have
truemed.createCheckoutSession({ mode: 'payment' });
// @ts-expect-error another flow's command
truemed.PaymentSession.start('x').handle(truemed.createPaymentToken({ order_items: [] }), context);
const subscriptions = [flex.Subscription.start('x'), revup.Subscription.start('x'), vend.Subscription.start('x')] as const;
// @ts-expect-error another provider's command of the same name, without fields
subscriptions[0].handle(vend.cancelSubscription(), context);
// @ts-expect-error another provider's command of the same name, without fields
subscriptions[1].handle(flex.cancelSubscription(), context);
// @ts-expect-error another provider's command of the same name, without fields
subscriptions[2].handle(revup.cancelSubscription(), context);
// @ts-expect-error another provider's lookup, without an id
subscriptions[0].handle(vend.retrieveSubscription(), context);
// @ts-expect-error another flow, by its name
subscriptions[2].handle({ type: 'cancel_subscription', flow: 'flex.subscription' }, context);
// @ts-expect-error another provider's command, in a generic host
tell(subscriptions[2], flex.cancelSubscription());
// @ts-expect-error a question without one of its fields
truemed.needsUpdate({ confirmed: [] });
// @ts-expect-error a verdict that is none
rulebound.facts.reviewed('review:a', 'yes');
// @ts-expect-error a verdict that is none
token.observe({ type: 'reviewed', effect: 'review:a', verdict: 'yes' }, context);
// @ts-expect-error a reply without its status
rulebound.facts.reply('a:1', { body: '{}' });
// @ts-expect-error a verdict of another provider
const verdict: rulebound.TruemedVerdict = 'cancelled';
// @ts-expect-error a notice that is none
const notice: rulebound.TruemedNotice = 'action_requierd';
// @ts-expect-error a signal that is none
const signal: rulebound.TruemedSignal = 'invoice.paid';
// @ts-expect-error a flow that there is none of
const flow: rulebound.FlowId = 'truemed.token';
// @ts-expect-error the code of no rule
const rule: rulebound.TruemedRule = 'truemed_update_card';
console.log(verdict, notice, signal, flow, rule);
function tell<S extends rulebound.AnyFlow>(row: S, command: rulebound.CommandOf<S>) {
  return row.handle(command, context).ok;
}
// @ts-expect-error another flow's command, in a generic host
tell(flex.Checkout.start('x'), end);
// @ts-expect-error a field that is misspelt, in a generic host
tell(token, { type: 'update_payment_token', update_card_inf: true });
// @ts-expect-error a field that the status does not have
token.status(context).subscription_id;
// @ts-expect-error the ids of a step are no texts
const ids: string[] = token.observe({ type: 'lost', effect: 'a:1' }, context).new_ids;
console.log(ids);
// @ts-expect-error an action that is none
token.actions(context).filter((it) => it.action === 'capture');
// @ts-expect-error a snapshot is a value
token.revision = 7;
// @ts-expect-error a snapshot is made by `start`, `load` or a step
new truemed.PaymentToken();
// @ts-expect-error a key is a text
flex.Checkout.start(42);
// @ts-expect-error a row is a text
load(Buffer.from('{}'));
// @ts-expect-error a command of no flow
load('{}').handle({ type: 'buy' }, context);
