// A host that a strict compiler accepts: every `switch` covers its whole union.

import {
  type AnyFlow,
  type AnyHeaders,
  type Config,
  type Fact,
  type FlexEligibility,
  type Lease,
  type PendingEffect,
  type Rejected,
  RuleboundError,
  type Step,
  type TruemedPaymentTokenCommand,
  type TruemedRule,
  type UnblockedBy,
  type Violation,
  type Wait,
  authenticate,
  catalogue,
  flex,
  load,
  revup,
  truemed,
  vend,
} from 'rulebound';

function never(it: never): never {
  throw new Error(`unexpected: ${JSON.stringify(it)}`);
}

function done(effect: PendingEffect): Fact {
  switch (effect.type) {
    case 'request':
      return { type: 'lost', effect: effect.id };
    case 'notify':
      console.log(effect.reason, effect.about, effect.customer_url);
      return { type: 'done', effect: effect.id };
    case 'fulfill':
      return { type: 'done', effect: effect.id };
    case 'access':
      console.log(new Date(effect.access_until));
      return { type: 'done', effect: effect.id };
    case 'review':
      return { type: 'reviewed', effect: effect.id, verdict: effect.verdicts[0] ?? '', id: null };
    default:
      return never(effect);
  }
}

function about(fact: Fact): string {
  switch (fact.type) {
    case 'reply':
      return `${fact.effect}: ${fact.http_status}`;
    case 'lost':
    case 'not_sent':
    case 'done':
      return fact.effect;
    case 'restored':
      return new Date(fact.taken_at).toISOString();
    case 'webhook':
      return fact.origin;
    case 'customer_returned':
      return fact.type;
    case 'reviewed':
      return `${fact.effect}: ${fact.verdict}`;
    default:
      return never(fact);
  }
}

function operation(command: TruemedPaymentTokenCommand): string {
  switch (command.type) {
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

function unblocked(by: UnblockedBy): string {
  switch (by.type) {
    case 'signal':
      return by.signal;
    case 'time':
      return new Date(by.at).toISOString();
    case 'reply':
      return by.effect;
    case 'action':
      return `${by.flow ?? ''} ${by.action}`;
    default:
      return never(by);
  }
}

function named(snapshot: AnyFlow): string {
  switch (snapshot.flow) {
    case 'truemed.payment_token':
      return snapshot.actions({ now: 0 }).map((it) => it.action).join();
    case 'truemed.payment_session':
    case 'flex.checkout':
    case 'flex.subscription':
    case 'vend.subscription':
    case 'revup.subscription':
      return snapshot.key;
    default:
      return never(snapshot);
  }
}

const config: Config = {
  mode: 'lenient',
  overrides: { 'truemed.session.unattended-items-confirmed': 'warn' },
  lookups: { after_return_ms: [0], while_waiting_ms: [86_400_000] },
  truemed: { environment: 'staging' },
};
const context = { now: new Date(), config };
let token: truemed.PaymentToken = truemed.PaymentToken.start('6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11');
const command: TruemedPaymentTokenCommand = { type: 'create_payment_token', order_items: [{ name: 'B12', quantity: 1, price: 1500 }] };
const step: Step<truemed.PaymentToken> | Rejected = token.handle(command, context);
if (step.ok) {
  token = step.next;
  const failed: number | undefined = step.failure?.http_status;
  console.log(step.ignored?.reason, step.transitions.map((it) => it.facet), step.new_ids, failed, step.failure?.pointer);
} else {
  const broken: Violation[] = step.violations;
  const codes: TruemedRule[] = ['truemed.update.card-xor-items'];
  console.log(broken.map((it) => [it.rule, it.level, it.pointer, it.unblocked_by && unblocked(it.unblocked_by)]), codes);
}
const lease: Lease<truemed.PaymentToken> | Rejected = token.lease('create_payment_token:1', context);
if (lease.ok) {
  token = lease.next;
  const url: string | undefined = lease.request?.url;
  console.log(url, lease.request?.credential.header, lease.request?.credential.scheme, lease.warnings);
}
const observed: Step<truemed.PaymentToken> = token.observe({ type: 'webhook', origin: 'verified', body: new Uint8Array() }, context);
console.log(observed.next.revision, observed.ignored?.reason, token.effects(context).map(done).map(about));
const waits: Wait[] = token.waitingFor(context);
console.log(waits, token.wakeAt(context), operation(command), named(load(token.save())));
function started(effect: ReturnType<typeof token.effects>[number]): string {
  if (effect.type !== 'request') return effect.id;
  switch (effect.operation) {
    case 'create_payment_session':
    case 'create_payment_token':
    case 'delete_payment_token':
    case 'find_payment_session':
    case 'retrieve_payment_session':
    case 'retrieve_payment_token':
    case 'retrieve_provision_token_request':
    case 'update_payment_token':
      return effect.operation;
    default:
      return never(effect.operation);
  }
}
function awaited({ signal }: ReturnType<typeof token.waitingFor>[number]): string {
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
console.log(token.effects(context).map(started), token.waitingFor(context).map(awaited), price, copied.ok && copied.next.key);
const headers: AnyHeaders[] = [{ host: undefined, via: ['a'] }, new Headers(), new Map([['a', 'b']]), [['a', ['b']]]];
console.log(authenticate('truemed', ['whsec'], headers[0] ?? {}, '{}', 0), catalogue().rules_version);
token.observe({ type: 'reply', effect: 'a:1', http_status: 200, headers: new Headers(), body: '' }, context);
console.log([flex.Checkout, flex.Subscription, vend.Subscription, revup.Subscription].map((it) => it.flow));
try {
  load('{}');
} catch (error) {
  if (error instanceof RuleboundError && error.code === 'unreadable_snapshot') console.log(error.pointer, error.reason, JSON.stringify(error));
}
