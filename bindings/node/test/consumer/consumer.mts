// A host that a strict compiler accepts: every `switch` covers its whole union.

import {
  type AnyFlow,
  type AnyHeaders,
  type CommandOf,
  type Config,
  type Context,
  type Fact,
  type FlexEligibility,
  type FlowId,
  type Lease,
  NotAuthentic,
  type PendingEffect,
  type ProviderName,
  type ReceivedWebhook,
  type Rejected,
  RuleboundError,
  Snapshot,
  type StatusOf,
  type Step,
  type TruemedNotice,
  type TruemedPaymentTokenActionName,
  type TruemedPaymentTokenCommand,
  type TruemedRule,
  type TruemedSignal,
  type TruemedVerdict,
  type TypedId,
  type UnblockedBy,
  type Verdict,
  type Violation,
  type Wait,
  catalogue,
  facts,
  flex,
  load,
  readWebhook,
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
      console.log(effect.action, effect.intent, effect.attempt, effect.blocked_by.map((it) => it.rule));
      return facts.lost(effect.id);
    case 'notify':
      console.log(effect.reason, effect.about.kind, effect.customer_action, effect.customer_url);
      return { type: 'done', effect: effect.id };
    case 'fulfill':
      console.log(effect.intent, effect.paid?.amount, effect.items, effect.period?.ends_at);
      return facts.done(effect.id);
    case 'access':
      console.log(effect.paid_until, new Date(effect.access_until));
      return { type: 'done', effect: effect.id };
    case 'review':
      return facts.reviewed(effect.id, effect.verdicts[0]?.verdict ?? 'keep_waiting');
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
    case 'truemed.qualification_session':
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
  const failed: number | null | undefined = step.failure?.http_status;
  const ids: TypedId[] = step.new_ids;
  console.log(step.ignored?.reason, step.ignored?.detail, step.transitions.map((it) => it.facet), ids, failed, step.failure?.pointer);
} else {
  const broken: Violation[] = step.violations;
  console.log(step.message, `${step}`);
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
const received: ReceivedWebhook = readWebhook('truemed', { secrets: ['whsec'], headers: headers[0] ?? {}, body: Buffer.from('{}'), now: new Date() });
token = token.observe(received.fact, context).next;
console.log(received.ids.map(({ kind, id }) => `${kind}:${id}`), received.acknowledge_with, received.unreadable, catalogue().rules_version);

/** A host of every flow: what it gives back is of the same flow. */
function tell<S extends Snapshot>(row: S, command: CommandOf<S>, context: Context): Step<S> | Rejected {
  return row.handle(command, context);
}
function shown<S extends Snapshot>(row: S, context: Context): StatusOf<S> {
  return row.status(context);
}
function saved<S extends AnyFlow>(row: S, command: CommandOf<S>, context: Context): string {
  const step = row.handle(command, context);
  return step.ok ? step.next.save() : step.message;
}
const told: Step<truemed.PaymentToken> | Rejected = tell(token, truemed.updatePaymentToken({ update_card_info: true }), context);
const lmn: number | null = shown(token, context).lmn_expires_at;
console.log(saved(token, { type: 'delete_payment_token' }, context), saved(flex.Checkout.start('x'), flex.capturePayment({ amount: 1 }), context));
const created = truemed.createPaymentToken({ order_items: [{ name: 'B12', quantity: 1, price: 1500 }], success_url: 'https://shop.example/ok' });
console.log(told.ok, lmn, token.handle(created, context).ok, tell(flex.Checkout.start('x'), flex.capturePayment({ amount: 1 }), context).ok);
console.log(tell(truemed.PaymentSession.start('x'), truemed.retrievePaymentSession(), context).ok, tell(token, truemed.retrievePaymentSession(), context).ok);
const needed: boolean = truemed.needsUpdate({ confirmed: created.order_items, wanted: [] });
const covered: 'covered' | 'pending' | 'update_required' | 'unknown' = truemed.coverage({ snapshot: token, order_items: [] });
const provider: ProviderName = 'truemed';
const flow: FlowId = 'truemed.payment_token';
const names: [TruemedVerdict, TruemedNotice, TruemedSignal, TruemedPaymentTokenActionName] = ['made', 'order_placed', 'payment_token_updated', 'update_payment_token/card'];
const verdict: Verdict = names[0];
console.log(needed, covered, provider, flow, names, verdict);
token.observe(facts.reply('a:1', { http_status: 200, headers: new Headers(), body: '', sending: 1 }), context);
token.observe(facts.restored(new Date()), context);
console.log([flex.Checkout, flex.Subscription, vend.Subscription, revup.Subscription].map((it) => it.flow));
try {
  load('{}');
} catch (error) {
  if (error instanceof NotAuthentic) console.log(error.code);
  if (error instanceof RuleboundError && error.code === 'unreadable_snapshot') console.log(error.pointer, error.reason, JSON.stringify(error));
}
