// The page: what its address asks for, read again every few seconds.

import { el } from './dom.js';
import { Trouble, read, write } from './api.js';
import { LISTS, showGauges, showList, showPauses, showTabs } from './lists.js';
import { showRow, whyIdle } from './row.js';
import { flowName, instant, loadTexts, now, retime, setClock } from './words.js';

const PERIOD = 5000;
const LONGEST = 30_000;
const at = (id) => document.getElementById(id);

// What the server says this person may do.
let canWrite = false;
let hasTexts = false;
// The view that is shown: its address, how many pages of it are loaded, and a number that outdated replies do not have.
let view = { address: null, pages: 1, number: 0 };
let timer;
let period = PERIOD;

/** The view and its parameters in the page's address. */
function route() {
  const [path, query = ''] = location.hash.replace(/^#\/?/, '').split('?');
  return { path: path || 'due', parameters: new URLSearchParams(query) };
}

/** Reads and shows what the address asks for. What was shown stays if it cannot be read. */
async function refresh() {
  clearTimeout(timer);
  const { number } = view;
  try {
    if (!hasTexts) await loadTexts();
    hasTexts = true;
    const stats = await read('stats');
    const show = await load(route());
    if (number !== view.number) return;
    setClock(stats.now);
    canWrite = stats.access === 'all';
    at('read-only').hidden = canWrite;
    showGauges(at('gauges'), stats.gauges);
    showPauses(at('pauses'), stats.pauses);
    show();
    isFresh();
  } catch (error) {
    if (number !== view.number) return;
    isStale(error);
  }
  retime();
  if (!document.hidden) timer = setTimeout(refresh, period);
}

/** What reads a view, and gives what shows it. */
async function load({ path, parameters }) {
  const place = at('main');
  if (path === 'row') {
    const [flow, key] = [parameters.get('flow') ?? '', parameters.get('key') ?? ''];
    const { shown, older } = await loadRow(flow, key);
    document.title = `${shown.row.reference || shown.row.key} – rulebound`;
    return () => showRow(place, shown, canWrite ? powers(flow, key) : null, older ? more : null);
  }
  if (path === 'search') {
    const q = parameters.get('q') ?? '';
    const { rows } = await read('search', { q });
    document.title = `Search – rulebound`;
    if (document.activeElement !== at('q')) at('q').value = q;
    return () => showList(place, { heading: 'Search', about: `What has the key, the id or the reference “${q}”.`, empty: 'Nothing was found.', items: rows });
  }
  const list = Object.hasOwn(LISTS, path) ? path : 'due';
  const [heading, about, empty] = LISTS[list];
  const { items, next } = await loadList(list);
  document.title = `${heading} – rulebound`;
  return () => showList(place, { heading, about, empty, items, more: next ? more : null });
}

/** As many pages of a list as are shown. */
async function loadList(list) {
  const items = [];
  let next = null;
  for (let count = 0; count < view.pages; count += 1) {
    const page = await read(`lists/${list}`, { after: next });
    items.push(...(page.rows ?? page.entries ?? page.refusals));
    next = page.next;
    if (next === null) break;
  }
  return { items, next };
}

/** A row with as many pages of its journal as are shown. */
async function loadRow(flow, key) {
  const shown = await read('row', { flow, key });
  let lines = shown.journal;
  for (let count = 1; count < view.pages && lines.length && lines.at(-1).seq > 1; count += 1) {
    lines = (await read('row', { flow, key, before: lines.at(-1).seq })).journal;
    shown.journal.push(...lines);
  }
  return { shown, older: lines.length >= 200 && lines.at(-1).seq > 1 };
}

function more() {
  view.pages += 1;
  refresh();
}

/** What a person with full access may do with a row. */
function powers(flow, key) {
  return {
    answer: async (review, verdict, id) => {
      await write('answer', { flow, key, review, verdict, id });
      say('The answer is recorded.');
      await refresh();
    },
    retry: async () => {
      try {
        await write('retry', { flow, key });
        const idle = whyIdle(await read('row', { flow, key }));
        say(idle ? `A worker looks at this row now, but can do nothing. ${idle}` : 'A worker looks at this row now.');
        await refresh();
      } catch (error) {
        isStale(error);
      }
    },
  };
}

function say(text) {
  at('notice').replaceChildren(text ? el('p', { class: 'note good' }, text) : '');
}

function isFresh() {
  period = PERIOD;
  at('trouble').replaceChildren();
  at('fresh').replaceChildren('As of ', instant(now(), false), '. The page reads it again every 5 seconds.');
}

/** Says what went wrong, once for each fault: a screen reader repeats what is written anew. */
function isStale(error) {
  const isForbidden = error instanceof Trouble && error.code === 'access';
  if (!(error instanceof Trouble)) console.error(error);
  const again = error instanceof Trouble && (error.status === 0 || error.status >= 500);
  if (again) period = Math.min(LONGEST, period * 2);
  if (isForbidden || error.code === 'row') at('main').replaceChildren();
  const words = error instanceof Trouble ? error.message : 'The page could not show what the server sent. It may be of another release: load it again.';
  const text = again ? `${words} The page shows what it knew, and tries again.` : words;
  if (at('trouble').textContent !== text) at('trouble').replaceChildren(el('p', { class: 'note bad' }, text));
}

/** Another address: another view, whose heading gets the focus, as on a page that was loaded. */
async function turn() {
  const { path, parameters } = route();
  const isFirst = view.address === null;
  view = { address: location.hash, pages: 1, number: view.number + 1 };
  showTabs(at('tabs'), path);
  at('main').replaceChildren(el('p', { class: 'quiet loading' }, path === 'row' ? flowName(parameters.get('flow') ?? '') : 'Loading…'));
  at('trouble').replaceChildren();
  say('');
  await refresh();
  if (isFirst) return;
  at('main').querySelector('h1')?.focus({ preventScroll: true });
  scrollTo(0, 0);
}

at('search').addEventListener('submit', (event) => {
  event.preventDefault();
  location.hash = `#/search?${new URLSearchParams({ q: at('q').value.trim() })}`;
});
at('skip').addEventListener('click', (event) => {
  event.preventDefault(); // The address has the view, and keeps it.
  at('main').focus();
});
addEventListener('hashchange', turn);
document.addEventListener('visibilitychange', () => !document.hidden && refresh());
setInterval(retime, 1000);
turn();
