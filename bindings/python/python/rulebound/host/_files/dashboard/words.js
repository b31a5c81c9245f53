// Names, times and amounts in words.

import { el, name } from './dom.js';
import { read } from './api.js';

const UNITS = [['day', 86_400_000], ['hour', 3_600_000], ['minute', 60_000], ['second', 1000]];
const DATE = new Intl.DateTimeFormat('en', {
  day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23',
});

let texts = { flows: {}, providers: {}, rules: {} };
// The server's clock less this computer's: what is due is due by the server's.
let skew = 0;

/** Loads the texts of the catalogue, once. */
export async function loadTexts() {
  texts = await read('texts');
}

export function setClock(now) {
  skew = now - Date.now();
}

export function now() {
  return Date.now() + skew;
}

/** `payment_session_complete` as `Payment session complete`. */
export function spaced(code) {
  const text = String(code).replaceAll('_', ' ').replaceAll('/', ': ').trim();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** What names a member that an object has itself: a flow can be called `constructor`. */
function own(object, key) {
  return object && Object.hasOwn(object, key) ? object[key] : undefined;
}

export function facetsOf(flow) {
  return own(texts.flows, flow)?.facets ?? [];
}

export function stateOf(flow, facet, state) {
  const found = facetsOf(flow).find((it) => it.facet === facet)?.states.find((it) => it.name === state);
  return found ?? { name: state, label: spaced(state), about: '' };
}

export function actionOf(flow, action) {
  return own(own(texts.flows, flow)?.actions, action) ?? { label: spaced(action), about: '' };
}

export function signalOf(flow, signal) {
  return own(own(texts.providers, providerOf(flow))?.signals, signal) ?? { label: spaced(signal), about: '' };
}

export function noticeOf(flow, notice) {
  return own(own(texts.providers, providerOf(flow))?.notices, notice) ?? { label: spaced(notice), about: '' };
}

export function ruleOf(code) {
  return own(texts.rules, code) ?? { statement: '', level: '', page: null, section: null };
}

export function providerOf(flow) {
  return String(flow).split('.')[0];
}

/** `truemed.payment_token` as `Truemed payment token`. */
export function flowName(flow) {
  return spaced(String(flow).replaceAll('.', ' '));
}

/** A duration: its largest unit, and the next one if there are only one or two of the largest. */
export function duration(ms) {
  const whole = Math.max(0, Math.round(ms / 1000)) * 1000;
  const at = Math.max(0, UNITS.findIndex(([, size]) => whole >= size));
  const [count, rest] = [Math.floor(whole / UNITS[at][1]), whole % UNITS[at][1]];
  const next = count < 3 && UNITS[at + 1] ? Math.floor(rest / UNITS[at + 1][1]) : 0;
  return whole === 0 ? '0 seconds' : counted(count, UNITS[at][0]) + (next ? ` ${counted(next, UNITS[at + 1][0])}` : '');
}

function counted(count, unit) {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

/** The distance of an instant from now. */
export function distance(at) {
  const ms = at - now();
  if (Math.abs(ms) < 1000) return 'now';
  return ms > 0 ? `in ${duration(ms)}` : `${duration(-ms)} ago`;
}

/** An instant in the viewer's zone, with UTC as title. `far` adds the distance from now, which `retime` keeps right. */
export function instant(at, far = true) {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return name(at);
  const utc = date.toISOString();
  const given = { datetime: utc, title: `${utc.slice(0, 19).replace('T', ' ')} UTC` };
  return el('time', given, DATE.format(date), far ? el('span', { class: 'far', 'data-at': at }, ` (${distance(at)})`) : null);
}

/** Only the distance; the instant is its title. */
export function ago(at) {
  const { title, dateTime } = instant(at, false);
  const local = DATE.format(new Date(at));
  return el('time', { datetime: dateTime, title: `${local}, ${title}`, class: 'far', 'data-at': at, 'data-bare': true }, distance(at));
}

/** Brings every distance on the page up to date. */
export function retime() {
  for (const it of document.querySelectorAll('[data-at]')) {
    const text = distance(Number(it.dataset.at));
    it.textContent = 'bare' in it.dataset ? text : ` (${text})`;
  }
}

/** An amount, which is in minor units. Without its currency it is shown as most currencies are: with two decimals. */
export function money({ amount, currency }) {
  if (!/^[A-Za-z]{3}$/.test(currency ?? '')) return (amount / 100).toFixed(2);
  const format = new Intl.NumberFormat('en', { style: 'currency', currency });
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
}
