// The shop's page: it shows what the server says, and sends clicks. All text goes in as text, never as HTML.

const at = (id) => document.getElementById(id);
const el = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};
const fill = (id, ...children) => at(id).replaceChildren(...children);
const dollars = (cents) => `$${(cents / 100).toFixed(2)}`;
const spaced = (text) => text.replaceAll('_', ' ');
let shown = '';

function rejection(it) {
  const link = el('a', { href: `https://${it.source.page}`, target: '_blank', rel: 'noopener' }, 'Read it on the provider\'s page');
  return el('div', { className: 'rejection' }, el('p', {}, el('b', {}, 'Rejected. '), it.message),
    el('p', {}, el('code', {}, it.rule), ' ', link));
}

function button({ click, label, why }) {
  const made = el('button', { type: 'button' }, el('b', {}, label), el('small', {}, why));
  made.dataset.click = click;
  return el('li', {}, made);
}

const SAYS = {
  command: (it) => `The shop: ${spaced(it.code)}`,
  rejected: (it) => `Rejected: ${spaced(it.code)}`,
  lease: (it) => `A worker holds ${it.effect}`,
  reply: (it) => `Truemed replied ${it.http_status} to ${it.effect}`,
  webhook: () => 'A webhook from Truemed',
  done: (it) => `Carried out: ${it.effect}`,
  lost: (it) => `No reply to ${it.effect}`,
  not_sent: (it) => `Not sent: ${it.effect}`,
  customer_returned: () => 'The customer came back',
};

function line(it) {
  const moves = it.transitions.map((move) => `${move.facet}: ${move.before} → ${move.after}`);
  if (it.code && it.kind !== 'command' && it.kind !== 'rejected') moves.push(`nothing changed: ${it.code}`);
  const text = (SAYS[it.kind] ?? ((other) => other.kind))(it);
  const more = [...moves, ...it.rules].join(' · ');
  const made = el('li', {}, el('div', {}, el('p', {}, text), ...(more ? [el('p', { className: 'moves' }, more)] : []),
    el('time', {}, new Date(it.at).toLocaleString())));
  made.dataset.kind = it.kind;
  return made;
}

function next(state) {
  const effects = (state.effects ?? []).map((it) => {
    const when = it.leased_until ? `a worker holds it until ${new Date(it.leased_until).toLocaleTimeString()}`
      : it.not_before > state.now ? `rests until ${new Date(it.not_before).toLocaleString()}` : it.ready ? 'ready' : 'not yet';
    return el('li', {}, `To do: ${it.id} (${when})`);
  });
  const waits = (state.waiting_for ?? []).map((it) => el('li', {}, `Waits for: ${spaced(it.signal)}${it.customer_action ? `, ${it.customer_action}` : ''}`));
  return [...effects, ...waits];
}

function show(state) {
  at('now').textContent = new Date(state.now).toLocaleString();
  const text = JSON.stringify({ ...state, now: 0 });
  if (text === shown) return;
  shown = text;
  at('magnesium').hidden = !state.has_magnesium;
  at('price').textContent = `${dollars(state.has_magnesium ? 2400 : 1500)} a month${state.wants_magnesium && !state.has_magnesium ? ', Magnesium asked for' : ''}`;
  at('status').textContent = state.text;
  at('status').dataset.mood = state.mood;
  at('page').hidden = !state.customer_url;
  if (/^https?:/.test(state.customer_url ?? '')) at('page-link').href = state.customer_url;
  fill('rejected', ...(state.rejected ?? []).map(rejection));
  const focused = document.activeElement?.dataset?.click;
  fill('clicks', ...state.clicks.map(button));
  if (focused) document.querySelector(`[data-click="${focused}"]`)?.focus();
  at('captured').textContent = dollars(state.captured);
  at('parcels').textContent = state.parcels.length;
  at('mails').textContent = state.mails.length ? state.mails.map(spaced).join(', ') : '0';
  at('pulls').textContent = `${state.pulls}${state.plug ? ', and the next reply kills one' : ''}`;
  at('order').textContent = state.row ? state.number : '';
  fill('facets', ...Object.entries(state.facets ?? {}).map(([name, value]) => el('li', {}, `${name} `, el('b', {}, value))));
  const todo = next(state);
  at('next-title').hidden = todo.length === 0;
  fill('next', ...todo);
  fill('timeline', ...(state.journal ?? []).map(line));
  at('empty').hidden = (state.journal ?? []).length > 0;
}

async function call(path, options) {
  const reply = await fetch(path, { ...options, cache: 'no-store' });
  const body = await reply.json();
  if (!reply.ok) throw new Error(body.error ?? `The shop replied ${reply.status}.`);
  return body;
}

document.addEventListener('click', async (event) => {
  const pressed = event.target.closest('[data-click]');
  if (!pressed) return;
  pressed.disabled = true;
  try {
    const body = JSON.stringify({ click: pressed.dataset.click });
    const headers = { 'content-type': 'application/json', 'x-shop': '1' };
    show(await call('/api/click', { method: 'POST', headers, body }));
    at('trouble').textContent = '';
  } catch (error) {
    at('trouble').textContent = error.message;
  } finally {
    pressed.disabled = false;
  }
});

async function follow() {
  try {
    show(await call('/api/state'));
    at('trouble').textContent = '';
  } catch {
    at('trouble').textContent = 'The shop does not reply. Is it still running?';
  }
  setTimeout(follow, 500);
}
follow();
