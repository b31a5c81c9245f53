// The journal of a row, as a timeline.

import { block, el, name, page, prose, sync } from './dom.js';
import { actionOf, instant, money, ruleOf, spaced, stateOf } from './words.js';

const IGNORED = {
  early: 'It names an id that this flow does not know yet.',
  duplicate: 'It was applied before.',
  unrelated: 'It is about something else.',
  inconclusive: 'It proves nothing.',
  unreadable: 'It cannot be read.',
};
const BAD = new Set(['rejected', 'error', 'lost']);

/** The lines, the newest first. `older` loads more, and is nothing if there are none. */
export function showTimeline(place, flow, lines, older) {
  sync(place, [
    ...lines.map((line) => block(String(line.seq), line, () => item(flow, line))),
    ...(older ? [{ key: 'older', sign: 'older', make: () => el('li', { class: 'older' }, el('button', { type: 'button', onclick: older }, 'Older lines')) }] : []),
  ]);
}

function item(flow, line) {
  const rules = line.rules ?? [];
  return el('li', { class: BAD.has(line.kind) || line.failure ? 'line bad' : line.kind === 'command' ? 'line ours' : 'line' },
    el('p', { class: 'what' }, title(flow, line)),
    (line.transitions ?? []).map((it) => move(flow, it)),
    (line.money ?? []).map((it) => settled(flow, it)),
    line.failure && failure(line.failure),
    rules.map((code) => rule(code)),
    el('p', { class: 'quiet' }, instant(line.at, false), line.actor ? [' · ', name(line.actor)] : null, el('span', { class: 'whole' }, ` · revision ${line.revision}`)));
}

/** What happened, in a sentence. */
export function title(flow, line) {
  const effect = line.effect ? name(line.effect) : null;
  const why = IGNORED[line.code];
  const about = effect ? [' for ', effect] : null;
  switch (line.kind) {
    case 'command': return ['Command: ', actionOf(flow, line.code ?? '').label];
    case 'rejected': return ['Rejected: ', line.code ? actionOf(flow, line.code).label : 'a command'];
    case 'lease': return ['A worker leased ', effect];
    case 'reply': return [`Reply ${line.http_status ?? ''}`, about, why ? `, ignored. ${why}` : null];
    case 'lost': return ['No reply or no end', about];
    case 'not_sent': return ['Not sent', effect ? [': ', effect] : null];
    case 'done': return ['Done: ', effect];
    case 'webhook': return why ? `Webhook, ignored. ${why}` : ['Webhook', line.code ? [' ', name(line.code)] : null];
    case 'customer_returned': return 'The customer returned';
    case 'reviewed': return [person(line.actor), ' answered ', effect, why ? `, ignored. ${why}` : line.code ? [': ', el('strong', {}, spaced(line.code))] : null];
    case 'retry': return [person(line.actor), ' retried'];
    case 'restored': return 'Restored from a backup';
    case 'error': return ['Error: ', name(line.code ?? 'unknown')];
    default: return [spaced(line.kind), line.code ? [': ', name(line.code)] : null, about];
  }
}

/** Who answered: `dashboard` is a page that knows no names. */
function person(actor) {
  return actor && actor !== 'dashboard' ? name(actor) : 'A person';
}

function move(flow, { facet, before, after }) {
  const label = (state) => stateOf(flow, facet, state).label;
  return el('p', { class: 'move' }, el('span', { class: 'quiet' }, `${spaced(facet)}: `), label(before), ' → ', el('strong', {}, label(after)));
}

const INTENT = { open: 'requested', done: 'done', failed: 'failed' };

/** What has become of a charge, a capture or a refund: what the host asked for, or what the provider shows of a refund. */
function settled(flow, it) {
  const amount = it.amount ? money(it.amount) : 'an amount that is not known';
  const [what, state] = 'action' in it
    ? [[actionOf(flow, it.action).label, ' ', name(it.intent)], INTENT[it.state] ?? spaced(it.state).toLowerCase()]
    : [['Refund ', name(it.id), it.intent ? [' for ', name(it.intent)] : null], spaced(it.provider_status ?? 'shown').toLowerCase()];
  return el('p', { class: 'move' }, el('span', { class: 'quiet' }, what, ': '), amount, ', ', el('strong', {}, state),
    it.cause ? ` (${spaced(it.cause).toLowerCase()})` : null);
}

/** Why a request failed, in words. */
export function failure(it) {
  const code = it.code ? [' ', name(it.code)] : null;
  const status = it.http_status ? ` (HTTP ${it.http_status})` : '';
  return el('div', { class: 'failure' },
    el('p', {}, el('strong', {}, spaced(it.kind)), status, code, it.message ? [': ', prose(it.message)] : null,
      it.pointer ? [' at ', name(it.pointer)] : null),
    it.rule ? rule(typeof it.rule === 'string' ? it.rule : it.rule.code) : null);
}

/** A rule: its statement, its code and the provider's page. */
export function rule(code, message) {
  const { statement, page: url, section } = ruleOf(code);
  return el('div', { class: 'rule' },
    el('p', {}, prose(message || statement)),
    message && statement && message !== statement ? el('p', { class: 'quiet' }, prose(statement)) : null,
    el('p', { class: 'quiet' }, name(code), url ? [' · ', page(url, section || url)] : null));
}
