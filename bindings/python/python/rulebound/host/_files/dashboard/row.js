// One flow: its status in words, what it waits for, its effects and actions, and its journal.

import { block, el, name, prose, sync } from './dom.js';
import { marks } from './lists.js';
import { reviewForm } from './review.js';
import { failure, rule, showTimeline } from './timeline.js';
import { actionOf, ago, facetsOf, flowName, instant, money, now, noticeOf, signalOf, spaced, stateOf } from './words.js';

// What the card of the payment shows, in this order.
const MONEY = ['amount', 'total', 'charge_total', 'price', 'authorized', 'captured', 'capturable', 'capturing', 'received', 'refunded', 'refunding', 'refundable',
  'refunds', 'disputed', 'payments', 'intents', 'paid_until', 'period_ends_at', 'access_until', 'trial_ends_at', 'cancel_at'];
// What other parts of the page show, or what the page never shows.
const ELSEWHERE = new Set([...MONEY, 'flow', 'key', 'revision', 'facets', 'reviews', 'last_failure', 'customer_url', 'customer_url_blocked_by']);

/** Why a row has nothing that a worker can do now, in a sentence; nothing if there is something. */
export function whyIdle({ effects, waiting_for: waits, status }) {
  const works = effects.filter((it) => it.type !== 'review');
  if (!status || works.some((it) => it.ready || it.leased_until)) return null;
  if (works.some((it) => it.blocked_by?.length)) return 'What is pending is held back: see under Effects what it waits for.';
  if (works.length) return 'What is pending is not due yet: see under Effects.';
  if (effects.length) return 'It waits for the answer to a question.';
  return waits.length ? 'It waits for the provider or the customer.' : 'Nothing is pending.';
}

/** Shows a row. `can` has what this person may do: `answer(review, verdict, id)` and `retry()`, or is nothing. */
export function showRow(place, shown, can, older) {
  const { row, status, effects, waiting_for: waits, actions, ids, journal } = shown;
  const flow = row.flow;
  const reviews = effects.filter((it) => it.type === 'review');
  const others = effects.filter((it) => it.type !== 'review');
  sync(place, [
    block('head', [row, Boolean(can)], () => head(row, can)),
    ...(status ? [] : [block('broken', row.last_error, () => el('p', { class: 'note bad' }, 'This row cannot be loaded. A newer release may have written it.'))]),
    section('reviews', 'Questions for a person', reviews.length && reviews.map((it) => reviewBlock(it, can)), 'wide'),
    section('status', 'Status', status && [block('words', status.facets, () => words(flow, status.facets)),
      block('facets', status.facets, () => facets(flow, status.facets)),
      block('failure', status.last_failure, () => (status.last_failure ? failure(status.last_failure) : el('div')))]),
    section('payment', 'Payment', status && hasAny(status, MONEY) && [block('payment', status, () => facts(status, MONEY))]),
    section('waits', 'Waiting for', waits.length && waits.map((it) => block(`${it.signal} ${it.about?.id}`, it, () => wait(flow, it)))),
    section('effects', 'Effects', others.length && others.map((it) => block(it.id, [it, intentOf(status, it)], () => effectItem(flow, it, intentOf(status, it))))),
    section('actions', 'Actions', actions.length && actions.map((it) => block(it.action, it, () => action(flow, it)))),
    section('details', 'Details', status && [block('details', [status, ids], () => details(status, ids))]),
    { key: 'journal', sign: 'journal', make: () => el('section', { class: 'card journal', 'aria-labelledby': 'h-journal' },
      el('h2', { id: 'h-journal' }, 'Journal'), el('ol', { class: 'timeline' })) },
  ].filter(Boolean));
  for (const it of place.querySelectorAll(':scope > section')) if (it.blocks) sync(it.querySelector('.content'), it.blocks);
  showTimeline(place.querySelector('.timeline'), flow, journal, older);

  /** A titled part, whose blocks are kept while they are the same. Nothing if there are no blocks. */
  function section(key, title, blocks, className = '') {
    if (!blocks) return null;
    const there = [...place.children].find((it) => it.blockKey === key);
    if (there) there.blocks = blocks;
    return { key, sign: key, make: () => Object.assign(el('section', { class: `card ${className}`, 'aria-labelledby': `h-${key}` },
      el('h2', { id: `h-${key}` }, title), el('div', { class: 'content' })), { blocks }) };
  }
}

function head(row, can) {
  return el('div', { class: 'head' },
    el('p', { class: 'quiet' }, flowName(row.flow), row.account ? [' · account ', name(row.account)] : null),
    el('h1', { tabindex: '-1' }, name(row.reference || row.key, row.reference ? 'title' : 'title id')),
    row.reference ? el('p', { class: 'quiet' }, 'Key ', name(row.key)) : null,
    el('p', { class: 'facts quiet' }, `Revision ${row.revision} · created `, ago(row.created_at), ' · changed ', ago(row.updated_at), ' · ',
      row.wake_at === null ? 'no worker looks at it until something happens' : [row.wake_at <= now() ? 'a worker should have looked at it ' : 'a worker looks at it ', ago(row.wake_at)]),
    el('p', { class: 'marks' }, marks(row)),
    can ? el('button', { type: 'button', id: 'retry', onclick: can.retry }, 'Retry now') : null);
}

/** While a question stays as it is, its form stays too, with all that was typed. */
function reviewBlock(effect, can) {
  const { id, question, verdicts } = effect;
  const send = can && ((verdict, given) => can.answer(id, verdict, given));
  return block(id, [question, verdicts, Boolean(can)], () => reviewForm(effect, send));
}

function words(flow, facetStates) {
  return el('div', { class: 'words' }, Object.entries(facetStates).map(([facet, state]) => {
    const { label, about } = stateOf(flow, facet, state);
    return el('p', {}, el('strong', {}, `${spaced(facet)}: ${label.toLowerCase()}.`), about ? [' ', prose(about)] : null);
  }));
}

function facets(flow, facetStates) {
  return el('dl', { class: 'facets' }, facetsOf(flow).map(({ facet, states }) => el('div', {},
    el('dt', {}, spaced(facet)),
    el('dd', {}, el('ul', { class: 'states' }, states.map((it) => {
      const isNow = facetStates[facet] === it.name;
      return el('li', { 'aria-current': isNow ? 'true' : null, title: it.about }, it.label, isNow ? el('span', { class: 'unseen' }, ' (now)') : null);
    }))))));
}

function wait(flow, it) {
  const { label, about } = signalOf(flow, it.signal);
  return el('div', { class: 'item' },
    el('p', {}, el('strong', {}, label), it.about ? [' for ', spaced(it.about.kind).toLowerCase(), ' ', name(it.about.id)] : null),
    about ? el('p', { class: 'quiet' }, prose(about)) : null,
    it.customer_action ? el('p', {}, 'The customer must act: ', name(it.customer_action), it.customer_url ? ', on the page that the provider named' : null, '.') : null,
    (it.customer_url_blocked_by ?? []).map((id) => el('p', { class: 'quiet' }, 'This page stays closed until this is settled: ', name(id))),
    el('p', { class: 'quiet' }, 'since ', instant(it.started_at), it.next_lookup_at ? ['; looked up ', ago(it.next_lookup_at)] : null,
      it.expires_at ? ['; expires ', instant(it.expires_at)] : null));
}

/** What a request is for, as the status tells of its intent: its amount, and what has become of it. */
function intentOf(status, { intent = null }) {
  return intent === null ? null : (status?.intents?.find((it) => it.intent === intent) ?? { intent });
}

function effectItem(flow, it, intent) {
  const state = it.leased_until ? ['leased until ', instant(it.leased_until)]
    : it.ready ? 'ready' : it.not_before ? ['not before ', instant(it.not_before)] : 'held back';
  const what = it.type === 'request' ? ['Request: ', it.action ? actionOf(flow, it.action).label : spaced(it.operation), intent?.amount ? [' of ', money(intent.amount)] : null, intent ? [' for ', name(intent.intent)] : null]
    : it.type === 'notify' ? ['Notify the customer: ', noticeOf(flow, it.reason).label]
      : it.type === 'fulfill' ? ['Deliver', it.paid ? [': ', money(it.paid), ' is paid'] : null]
        : it.type === 'access' ? ['Give access', it.access_until ? [' until ', instant(it.access_until)] : null] : spaced(it.type);
  return el('div', { class: 'item' }, el('p', {}, el('strong', {}, what), ' ', el('span', { class: it.ready ? 'mark strong' : 'mark' }, state)),
    it.type === 'notify' ? el('p', { class: 'quiet' }, prose(noticeOf(flow, it.reason).about)) : null,
    el('p', { class: 'quiet' }, name(it.id), it.attempts > 0 ? [' · ', el('span', { class: it.attempts >= 5 ? 'alarm' : null }, `${it.attempts} ${it.attempts === 1 ? 'attempt' : 'attempts'}`)] : null),
    (it.blocked_by ?? []).map((by) => (by.rule ? rule(by.rule, by.message) : el('p', { class: 'quiet' }, 'waits for ', name(by.id ?? by)))));
}

function action(flow, it) {
  const { label, about } = actionOf(flow, it.action);
  const reasons = [...it.violations, ...it.warnings];
  return el('div', { class: it.allowed ? 'item' : 'item closed' },
    el('p', {}, el('strong', {}, label), ' ', el('span', { class: it.allowed ? 'mark strong' : 'mark' }, it.allowed ? 'possible' : 'closed')),
    about ? el('p', { class: 'quiet' }, prose(about)) : null,
    reasons.length ? el('details', {}, el('summary', {}, it.allowed ? 'Warnings' : 'Why not?'),
      reasons.map((why) => el('div', {}, rule(why.rule, why.message), unblocked(flow, why.unblocked_by)))) : null);
}

function unblocked(flow, by) {
  if (!by) return null;
  const words = { signal: () => signalOf(flow, by.signal).label, time: () => instant(by.at), reply: () => ['the reply to ', name(by.effect)],
    action: () => actionOf(by.flow ?? flow, by.action).label };
  return el('p', { class: 'quiet' }, 'Possible after: ', Object.hasOwn(words, by.type) ? words[by.type]() : spaced(by.type));
}

const isSaid = (value) => value !== null && value !== undefined && !(Array.isArray(value) && !value.length);
const hasAny = (status, keys) => keys.some((key) => isSaid(status[key]));

/** Members of the status, in the order of their names. */
function facts(status, keys) {
  return el('dl', { class: 'details' }, keys.filter((key) => isSaid(status[key])).map((key) => member(key, key === 'intents' ? intents(status) : shownValue(key, status[key]))));
}

/** What was asked for, such as a month's charge or a refund: its amount, and what has become of it. */
function intents(status) {
  return el('ul', { class: 'plain' }, status.intents.map((it) => el('li', {}, actionOf(status.flow, it.action).label, ' ', name(it.intent),
    it.amount ? [': ', money(it.amount)] : null, ', ', el('strong', {}, spaced(it.state).toLowerCase()))));
}

function member(key, shown) {
  return el('div', {}, el('dt', {}, spaced(key.replace(/_(at|until)$/, (end) => (end === '_at' ? '' : end)))), el('dd', {}, shown));
}

function details(status, ids) {
  const members = Object.entries(status).filter(([key, value]) => !ELSEWHERE.has(key) && isSaid(value));
  return el('dl', { class: 'details' },
    members.map(([key, value]) => member(key, shownValue(key, value))),
    ids.map((it) => el('div', {}, el('dt', {}, `Id: ${spaced(it.kind).toLowerCase()}`), el('dd', {}, it.id === true ? 'not shown' : name(it.id)))));
}

function shownValue(key, value) {
  if (value === null) return 'none';
  if (key === 'payment_token') return 'not shown';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (/_(at|until)$/.test(key) && typeof value === 'number') return instant(value);
  if (typeof value === 'number' && /^(price|amount|unit_amount)$/.test(key)) return money({ amount: value });
  if (Array.isArray(value)) return el('ul', { class: 'plain' }, value.map((it) => el('li', {}, shownValue(key, it))));
  if (typeof value !== 'object') return name(value);
  if ('amount' in value && 'currency' in value) return money(value);
  const members = Object.entries(value).filter(([, it]) => it !== null);
  return members.map(([inner, it], at) => [at ? ', ' : null, el('span', { class: 'quiet' }, `${spaced(inner).toLowerCase()} `), shownValue(inner, it)]);
}
