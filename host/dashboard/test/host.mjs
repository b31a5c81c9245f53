// A host in memory, with the real library: enough of the contract to give the page rows that a kit could have.

import { createHash } from 'node:crypto';

import { facts, load, readWebhook, truemed, flex, vend, revup, RuleboundError } from 'rulebound';

const FLOWS = {
  'truemed.payment_token': truemed.PaymentToken, 'truemed.payment_session': truemed.PaymentSession,
  'flex.subscription': flex.Subscription, 'flex.checkout': flex.Checkout,
  'vend.subscription': vend.Subscription, 'revup.subscription': revup.Subscription,
};
const IDLE = { fulfill: 'ok', notify: 'ok', access: 'ok' };

/** A request of the dashboard that cannot be carried out. */
export class Refused extends Error {
  constructor(status, kind, code) {
    super(`${kind}: ${code}`);
    Object.assign(this, { status, kind, code });
  }
}

export class MemoryHost {
  constructor({ now = 1_700_000_000_000, providers = {} } = {}) {
    Object.assign(this, { now, providers, rows: new Map(), inbox: [], pauses: [], scripts: new Map(), handlers: { ...IDLE } });
    this.config = Object.assign({}, ...Object.entries(providers).map(([name, it]) => ({ [name]: it.config ?? {} })));
  }

  context() {
    return { now: this.now, config: this.config };
  }

  /** The row, or a new one. */
  row(flow, key, { account = '', reference = null } = {}) {
    const id = JSON.stringify([flow, key]);
    const found = this.rows.get(id);
    if (found) return found;
    const row = { flow, key, account, reference, snapshot: FLOWS[flow].start(key), wake_at: null, tries: 0, last_error: null,
      created_at: this.now, updated_at: this.now, journal: [] };
    this.rows.set(id, row);
    return row;
  }

  find(flow, key) {
    const found = this.rows.get(JSON.stringify([flow, key]));
    if (!found) throw new Refused(404, 'NotFound', 'row');
    return found;
  }

  /** A command. A rejection is a line in the journal, and its codes. */
  handle({ flow, key, command, account, reference, actor = null }) {
    const row = this.row(flow, key, { account, reference });
    const before = row.snapshot;
    const step = before.handle(command, this.context());
    const rules = (step.ok ? step.warnings : step.violations).map((it) => it.rule);
    if (step.ok) this.save(row, step);
    this.write(row, { kind: step.ok ? 'command' : 'rejected', actor, code: command.type, rules, ...moved(step), money: step.ok ? this.money(before, step.next) : [] });
    return { rejected: step.ok ? undefined : rules };
  }

  observe(row, fact, line = {}) {
    const before = row.snapshot;
    const step = before.observe(fact, this.context());
    this.save(row, step);
    this.write(row, { kind: fact.type, money: this.money(before, step.next), actor: 'worker', effect: fact.effect ?? null, http_status: fact.http_status ?? null,
      code: step.ignored?.reason ?? null, rules: step.warnings.map((it) => it.rule), ...moved(step), ...line });
    if (step.new_ids.length) this.offer(row);
    return step;
  }

  save(row, step) {
    if (step.next.revision !== row.snapshot.revision) row.updated_at = this.now;
    row.snapshot = step.next;
    row.wake_at = row.snapshot.wakeAt(this.context());
  }

  write(row, line) {
    const digest = createHash('sha256').update(row.snapshot.save()).digest('hex');
    row.journal.push({ seq: row.journal.length + 1, revision: row.snapshot.revision, at: this.now, kind: '', actor: null, effect: null,
      http_status: null, code: null, rules: [], transitions: [], failure: null, money: [], rules_version: '2026.11', digest, ...line });
  }

  /** The charges, captures and refunds that a step began or ended. */
  money(before, after) {
    const [old, now] = [before, after].map((it) => it.status(this.context()));
    const fresh = (list, state, shown) => (now[list] ?? []).filter((it) => !old[list].some((was) => state(was) === state(it))).map(shown);
    return [
      ...fresh('intents', (it) => [it.intent, it.action, it.state, it.cause].join(' '), ({ intent, action, state, cause, amount }) => ({ intent, action, state, cause, amount })),
      ...fresh('refunds', (it) => `${it.id} ${it.provider_status}`, ({ id, intent, provider_status, amount }) => ({ id, intent, provider_status, amount })),
    ];
  }

  /** What the transport replies to the next requests of an operation. */
  script(replies) {
    for (const { operation, times = 1, reply, fault } of replies) {
      const queue = this.scripts.get(operation) ?? [];
      for (let count = 0; count < times; count += 1) queue.push({ reply, fault });
      this.scripts.set(operation, queue);
    }
  }

  tick() {
    for (let visit = 0; visit < 1000; visit += 1) if (![...this.rows.values()].some((row) => this.visit(row))) return;
    throw new Error('1,000 visits, and still something is due');
  }

  visit(row) {
    const effect = row.snapshot.effects(this.context()).find((it) => it.ready && it.type !== 'review');
    if (!effect) return false;
    const lease = row.snapshot.lease(effect.id, this.context());
    this.save(row, lease);
    this.write(row, { kind: 'lease', actor: 'worker', effect: effect.id });
    const sending = lease.request?.sending ?? null;
    const next = lease.request ? this.scripts.get(effect.operation)?.shift() : null;
    if (lease.request && !next) throw new Error(`no script for ${effect.operation}`);
    if (next?.reply) {
      const { status, body = '' } = next.reply;
      this.observe(row, facts.reply(effect.id, { sending, http_status: status, body: typeof body === 'string' ? body : JSON.stringify(body) }));
    } else if (next || this.handlers[effect.type] === 'raise') this.observe(row, facts.lost(effect.id, { sending }));
    else this.observe(row, facts.done(effect.id));
    return true;
  }

  webhook({ provider, account = '', topic = null, headers = {}, body }) {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const secrets = this.providers[provider]?.webhook_secrets ?? [];
    const { fact, ids, acknowledge_with, unreadable } = readWebhook(provider, { secrets, headers, body: text, now: this.now, topic });
    if (!ids.length && !unreadable) return acknowledge_with; // No row can ever take it.
    const digest = createHash('sha256').update(text).digest('hex');
    this.inbox.push({ id: digest.slice(0, 32), provider, account, deliveries: 1, origin: fact.origin, topic, received_at: this.now, wake_at: null,
      tries: 0, last_error: null, ids: ids.map((it) => it.id), fact });
    for (const row of this.rows.values()) this.offer(row);
    return acknowledge_with;
  }

  offer(row) {
    const known = new Set(row.snapshot.ids().map((it) => it.id));
    for (const entry of this.inbox.filter((it) => row.flow.startsWith(it.provider) && it.ids.some((id) => known.has(id)))) {
      this.inbox = this.inbox.filter((it) => it !== entry); // A step that learns an id offers the others again.
      const { ignored } = row.snapshot.observe(entry.fact, this.context());
      const step = this.observe(row, entry.fact, { actor: 'webhook', code: ignored?.reason ?? entry.topic ?? eventOf(entry.fact.body) });
      if (step.ignored?.reason === 'early') this.inbox.push(entry);
    }
  }

  /** A person's verdict, as the dashboard sends it. */
  answer({ flow, key, review, verdict, id = null }, person = 'dashboard') {
    const row = this.find(flow, key);
    if (!row.snapshot.effects(this.context()).some((it) => it.type === 'review' && it.id === review)) throw new Refused(409, 'Conflict', 'review');
    try {
      this.observe(row, facts.reviewed(review, verdict, id), { actor: person, code: verdict });
    } catch (error) {
      if (!(error instanceof RuleboundError)) throw error;
      throw new Refused(400, 'BadRequest', error.pointer.split('/').at(-1));
    }
    return row;
  }

  retry({ flow, key }, person = 'dashboard') {
    const row = this.find(flow, key);
    this.write(row, { kind: 'retry', actor: person });
    Object.assign(row, { tries: 0, last_error: null, wake_at: this.now });
    this.pauses = this.pauses.filter((it) => it.provider !== flow.split('.')[0] || it.account !== row.account);
    return row;
  }

  /** A row as it is after it was stored and loaded. */
  reload(row) {
    row.snapshot = load(row.snapshot.save());
  }
}

function moved(step) {
  const failure = step.ok && step.failure;
  return {
    transitions: step.ok ? step.transitions : [],
    failure: failure ? { kind: failure.kind, http_status: failure.http_status, code: failure.code, pointer: failure.pointer, rule: failure.rule } : null,
  };
}

/** The name of an event, of which only its letters are noted. */
function eventOf(body) {
  const { event_type: event } = JSON.parse(typeof body === 'string' ? body : Buffer.from(body).toString());
  return event ?? null;
}
