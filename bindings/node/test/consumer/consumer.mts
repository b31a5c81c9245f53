// A host that a strict compiler accepts: every union is switched over to its end.

import {
  type AnyFlow,
  type AnyHeaders,
  type Awaited,
  type Fact,
  type FlexEligibility,
  type Owed,
  type Policy,
  RuleboundError,
  type TruemedPaymentTokenCommand,
  type TruemedRule,
  type Violation,
  authenticate,
  catalogue,
  flex,
  load,
  revup,
  truemed,
  vend,
} from 'rulebound';

function never(it: never): never {
  throw new Error(`nobody thought of ${JSON.stringify(it)}`);
}

function done(owed: Owed): Fact {
  switch (owed.type) {
    case 'request':
      return { type: 'lost', to: owed.id };
    case 'notify':
      console.log(owed.reason, owed.of, owed.customer_at);
      return { type: 'done', effect: owed.id };
    case 'fulfill':
      return { type: 'done', effect: owed.id };
    case 'access':
      console.log(new Date(owed.until));
      return { type: 'done', effect: owed.id };
    case 'review':
      return { type: 'done', effect: owed.id, verdict: owed.verdicts[0] ?? '' };
    default:
      return never(owed);
  }
}

function said(fact: Fact): string {
  switch (fact.type) {
    case 'reply':
      return `${fact.to}: ${fact.status}`;
    case 'lost':
    case 'not_sent':
      return fact.to;
    case 'restored':
      return new Date(fact.taken_at).toISOString();
    case 'webhook':
      return fact.origin;
    case 'returned':
      return fact.via;
    case 'done':
      return fact.effect;
    default:
      return never(fact);
  }
}

function told(command: TruemedPaymentTokenCommand): string {
  switch (command.type) {
    case 'begin':
      return command.effect;
    case 'create_payment_token':
      return command.order_items.map((it) => it.name).join();
    case 'create_payment_session':
    case 'update_payment_token':
    case 'retrieve_payment_token':
    case 'retrieve_provision_token_request':
    case 'retrieve_payment_session':
    case 'delete_payment_token':
      return command.type;
    default:
      return never(command);
  }
}

function named(at: AnyFlow): string {
  switch (at.flow) {
    case 'truemed.payment_token':
      return at.offers({ now: 0 }).map((it) => it.wish).join();
    case 'truemed.payment_session':
    case 'flex.checkout':
    case 'flex.subscription':
    case 'vend.subscription':
    case 'revup.subscription':
      return at.key;
    default:
      return never(at);
  }
}

const policy: Policy = { mode: 'lenient', overrides: { 'truemed.session.unattended-items-confirmed': 'warn' } };
const around = { now: new Date(), policy, settings: { environment: 'staging' } } as const;
let at: truemed.PaymentToken = truemed.PaymentToken.start('6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11');
const step = at.handle({ type: 'create_payment_token', order_items: [{ name: 'B12', quantity: 1, price: 1500 }] }, around);
if (step.ok) {
  at = step.next;
  const url: string | undefined = step.take?.url;
  console.log(url, step.learnt, step.failure?.status);
} else {
  const broken: Violation[] = step.violations;
  const codes: TruemedRule[] = ['truemed.update.card-xor-items'];
  console.log(broken.map((it) => it.rule), codes);
}
const seen = at.observe({ type: 'webhook', origin: 'verified', body: new Uint8Array() }, around);
console.log(seen.applied ? seen.next.revision : seen.because, at.owed(around).map(done).map(said));
const waits: Awaited[] = at.awaits(around);
console.log(waits, at.deadline(around), told({ type: 'begin', effect: 'a:1' }), named(load(at.save())));
function started(owed: ReturnType<typeof at.owed>[number]): string {
  if (owed.type !== 'request') return owed.id;
  switch (owed.operation) {
    case 'create_payment_session':
    case 'create_payment_token':
    case 'delete_payment_token':
    case 'find_payment_session':
    case 'retrieve_payment_session':
    case 'retrieve_payment_token':
    case 'retrieve_provision_token_request':
    case 'update_payment_token':
      return owed.operation;
    default:
      return never(owed.operation);
  }
}
function awaited({ signal }: ReturnType<typeof at.awaits>[number]): string {
  switch (signal) {
    case 'create_payment_session':
    case 'payment_session_complete':
    case 'payment_token_updated':
      return signal;
    default:
      return never(signal);
  }
}
const price: FlexEligibility = 'of another kind, which Flex may add';
const copied = { ...step };
console.log(at.owed(around).map(started), at.awaits(around).map(awaited), price, copied.ok && copied.next.key);
const headers: AnyHeaders[] = [{ host: undefined, via: ['a'] }, new Headers(), new Map([['a', 'b']]), [['a', ['b']]]];
console.log(authenticate('truemed', ['whsec'], headers[0] ?? {}, '{}', 0), catalogue().rules_version);
at.observe({ type: 'reply', to: 'a:1', status: 200, headers: new Headers(), body: '' }, around);
console.log([flex.Checkout, flex.Subscription, vend.Subscription, revup.Subscription].map((it) => it.flow));
try {
  load('{}');
} catch (error) {
  if (error instanceof RuleboundError && error.code === 'unreadable_snapshot') console.log(error.field, error.reason, JSON.stringify(error));
}
