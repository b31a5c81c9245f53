// The lists, their gauges, and what a search finds.

import { addressOf, block, el, name, sync } from './dom.js';
import { failure, rule, title } from './timeline.js';
import { ago, duration, flowName, instant, now, spaced } from './words.js';

export const LISTS = {
  due: ['Due', 'Rows that a worker looks at now, the earliest first.', 'Nothing is due.'],
  waiting: ['Waiting', 'Rows that a worker looks at later, the earliest first.', 'Nothing waits.'],
  failing: ['Failing', 'Rows with an effect that failed five times, or that cannot be loaded.', 'Nothing fails.'],
  reviews: ['Reviews', 'Rows with a question for a person.', 'No question is open.'],
  inbox: ['Inbox', 'Webhooks that no row has applied yet.', 'The inbox is empty.'],
  recent: ['Recent', 'Rows that changed last.', 'There are no rows yet.'],
  refused: ['Refused', 'Commands that broke a rule, and requests that a provider refused, the newest first.', 'Nothing was refused.'],
};

const GAUGES = [
  ['oldest_overdue_ms', 'Oldest overdue', 'due', (ms) => ms > 60_000],
  ['due', 'Due', 'due', () => false],
  ['inbox_age_ms', 'Oldest in inbox', 'inbox', (ms) => ms > 86_400_000],
  ['failing_effects', 'Failing effects', 'failing', (count) => count > 0],
  ['reviews_open', 'Open reviews', 'reviews', (count) => count > 0],
  ['accounts_paused', 'Paused accounts', 'waiting', (count) => count > 0],
  ['oldest_held_ms', 'Oldest held', 'waiting', (ms) => ms > 3_600_000],
  ['refused_in_day', 'Refused in a day', 'refused', () => false],
];

export function showGauges(place, gauges) {
  sync(place, GAUGES.map(([gauge, label, list, isOdd]) => {
    const value = gauges[gauge] ?? 0;
    const text = !gauge.endsWith('_ms') ? String(value) : value > 0 ? duration(value) : 'none';
    return block(gauge, text, () => {
      const given = { href: `#/${list}`, class: isOdd(value) ? 'gauge odd' : 'gauge' };
      return el('li', {}, el('a', given, el('span', { class: 'value' }, text), el('span', { class: 'label' }, label)));
    });
  }));
}

export function showTabs(place, current) {
  sync(place, Object.entries(LISTS).map(([list, [label]]) => block(list, current === list, () => {
    return el('li', {}, el('a', { href: `#/${list}`, 'aria-current': current === list ? 'page' : null }, label));
  })));
}

/** A list, or what a search found. `more` loads the next page, and is nothing on the last one. */
export function showList(place, { heading, about, empty, items, more }) {
  const list = place.querySelector(':scope > .rows') ?? el('ul', { class: 'rows' });
  sync(list, items.map((it) => (it.received_at ? entryBlock : it.seq ? refusalBlock : rowBlock)(it)));
  sync(place, [
    block('head', [heading, about], () => el('div', { class: 'head' }, el('h1', { tabindex: '-1' }, heading), el('p', { class: 'quiet' }, about))),
    items.length ? { key: 'rows', sign: 'rows', make: () => list } : block('empty', empty, () => el('p', { class: 'empty' }, empty)),
    ...(more ? [{ key: 'more', sign: 'more', make: () => el('button', { type: 'button', class: 'more', onclick: more }, 'Show more') }] : []),
  ]);
}

function rowBlock(row) {
  const isDue = row.wake_at !== null && row.wake_at <= now();
  return block(`${row.flow} ${row.key}`, [row, isDue], () => el('li', { class: 'row' },
    el('a', { class: 'main', href: addressOf(row) },
      row.reference ? name(row.reference, 'title') : name(row.key, 'title id'),
      el('span', { class: 'quiet' }, flowName(row.flow), row.account ? [' · ', name(row.account)] : null,
        row.reference ? [' · ', name(row.key)] : null)),
    el('span', { class: 'marks' }, marks(row)),
    el('span', { class: 'when quiet' },
      el('span', {}, row.wake_at === null ? 'asleep' : [isDue ? 'due ' : 'wakes ', ago(row.wake_at)]),
      el('span', {}, 'changed ', ago(row.updated_at)))));
}

/** What a person should notice about a row. */
export function marks(row) {
  const count = (number, one, many) => `${number} ${number === 1 ? one : many}`;
  return [
    row.reviews > 0 && el('span', { class: 'mark strong' }, count(row.reviews, 'review', 'reviews')),
    row.failing > 0 && el('span', { class: 'mark bad' }, `${row.failing} failing`),
    row.tries > 0 && el('span', { class: 'mark bad' }, count(row.tries, 'failed try', 'failed tries'), row.last_error ? [': ', name(row.last_error)] : null),
  ];
}

function entryBlock(entry) {
  return block(entry.id, entry, () => el('li', { class: 'row' },
    el('div', { class: 'main' },
      el('span', { class: 'title' }, spaced(entry.provider), entry.topic ? [' ', name(entry.topic)] : null),
      el('span', { class: 'quiet' }, entry.account ? [name(entry.account), ' · '] : null, entry.ids.length ? 'names ' : 'names no id',
        entry.ids.map((id, at) => [at ? ', ' : null, id === true ? 'an id that is not shown' : el('a', { href: `#/search?${new URLSearchParams({ q: id })}` }, name(id))]))),
    el('span', { class: 'marks' },
      el('span', { class: entry.origin === 'verified' ? 'mark' : 'mark bad' }, entry.origin),
      entry.deliveries > 1 && el('span', { class: 'mark' }, `${entry.deliveries} deliveries`),
      entry.tries > 0 && el('span', { class: 'mark bad' }, `${entry.tries} failed`, entry.last_error ? [': ', name(entry.last_error)] : null)),
    el('span', { class: 'when quiet' }, 'received ', ago(entry.received_at))));
}

/** What was rejected or refused: whose it is, what it was, and why. A create that was rejected has no row to look at. */
function refusalBlock(it) {
  return block(`${it.flow} ${it.key} ${it.seq}`, it, () => el('li', { class: 'row refusal' },
    el(it.account === null ? 'div' : 'a', { class: 'main', href: it.account === null ? null : addressOf(it) },
      it.reference ? name(it.reference, 'title') : name(it.key, 'title id'),
      el('span', { class: 'quiet' }, flowName(it.flow), it.account ? [' · ', name(it.account)] : null, it.reference ? [' · ', name(it.key)] : null,
        it.actor && it.actor !== 'worker' ? [' · by ', name(it.actor)] : null)),
    el('div', { class: 'why' }, el('p', {}, title(it.flow, it)), it.failure ? failure(it.failure) : null, it.rules.map((code) => rule(code))),
    el('span', { class: 'when quiet' }, ago(it.at))));
}

const CURES = { 429: 'The provider limits requests (429).', config: 'Its config has a mistake, which the log names. Correct it.' };

export function showPauses(place, pauses) {
  // A pause that is over stays stored until a request has proved it.
  sync(place, pauses.filter((it) => it.until > now()).map((it) => block(`${it.provider} ${it.account}`, it, () => el('p', { class: 'note' },
    el('strong', {}, spaced(it.provider), it.account ? [' ', name(it.account)] : null, ' is paused'), ' until ', instant(it.until), '. ',
    CURES[it.reason] ?? ['The provider rejected the credential (', name(it.reason), '). Check the API key.']))));
}
