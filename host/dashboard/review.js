// A person answers a question.

import { el, name, prose } from './dom.js';
import { spaced } from './words.js';

let counter = 0;

/** The form of a review; without `send`, only the question and its verdicts. `send(verdict, id)` rejects with a `Trouble`. */
export function reviewForm(effect, send) {
  const prefix = `review-${(counter += 1)}`;
  const question = el('h3', { id: `${prefix}-question` }, prose(effect.question));
  const about = el('p', { class: 'quiet' }, spaced(effect.reason), effect.about ? [' · ', spaced(effect.about.kind), ' ', name(effect.about.id)] : null);
  if (!send) {
    return el('section', { class: 'review' }, question, about,
      el('ul', { class: 'plain' }, effect.verdicts.map((it) => el('li', {}, prose(it.label)))));
  }
  const choices = effect.verdicts.map((verdict) => choice(prefix, verdict));
  const problem = el('p', { class: 'problem', role: 'alert' });
  const form = el('form', { class: 'review', 'aria-labelledby': `${prefix}-question`, novalidate: true }, question, about,
    el('div', { role: 'radiogroup', 'aria-labelledby': `${prefix}-question` }, choices.map((it) => it.element)),
    problem, el('button', { type: 'submit', class: 'primary' }, 'Answer…'));
  form.addEventListener('change', () => choices.forEach((it) => it.open()));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const chosen = choices.find((it) => it.radio.checked);
    const fault = !chosen ? ['Choose an answer first.', choices[0]?.radio] : chosen.fault();
    problem.textContent = fault?.[0] ?? '';
    if (fault) return fault[1]?.focus();
    return confirm(effect, chosen, async () => send(chosen.verdict, chosen.id()));
  });
  return form;
}

/** One verdict: a radio button, and the field of its id. */
function choice(prefix, { verdict, label, needs_id: needs, takes_id: takes = needs }) {
  const kind = needs ?? takes;
  const radio = el('input', { type: 'radio', name: prefix, value: verdict, id: `${prefix}-${verdict}` });
  const input = el('input', {
    type: 'text', id: `${prefix}-${verdict}-id`, maxlength: 300, autocomplete: 'off', spellcheck: 'false', dir: 'auto',
    required: Boolean(needs), placeholder: kind === 'time' ? '2026-12-31T00:00:00Z' : null,
  });
  const what = kind === 'time' ? 'The instant, in UTC' : `The id of the ${String(kind).replaceAll('_', ' ')}`;
  const field = el('p', { class: 'field', hidden: true }, el('label', { for: input.id }, what, needs ? '' : ' (if you have it)'), input);
  return {
    verdict, radio, label,
    element: el('div', { class: 'choice' }, radio, el('label', { for: radio.id }, label), kind ? field : null),
    open: () => { field.hidden = !radio.checked; },
    id: () => (kind && input.value.trim()) || null,
    fault: () => (needs && !input.value.trim() ? [`This answer needs ${kind === 'time' ? 'the instant' : 'an id'}.`, input] : null),
  };
}

/** Asks before an answer is sent: it cannot be taken back, so that a second Enter does not send it. */
function confirm(effect, chosen, send) {
  const id = chosen.id();
  const problem = el('p', { class: 'problem', role: 'alert' });
  const yes = el('button', { type: 'button', class: 'primary', id: 'confirm' }, 'Send this answer');
  const no = el('button', { type: 'button', autofocus: true }, 'Go back');
  const dialog = el('dialog', { 'aria-labelledby': 'confirm-title' },
    el('h2', { id: 'confirm-title' }, 'Send this answer?'), el('p', { class: 'quiet' }, effect.question),
    el('p', {}, el('strong', {}, chosen.label)), id ? el('p', {}, 'Id: ', name(id)) : null,
    el('p', { class: 'quiet' }, 'It cannot be taken back.'), problem, el('div', { class: 'buttons' }, yes, no));
  dialog.addEventListener('close', () => dialog.remove());
  no.addEventListener('click', () => dialog.close());
  yes.addEventListener('click', async () => {
    yes.disabled = true;
    problem.textContent = '';
    try {
      await send();
      dialog.close();
      document.querySelector('main h1')?.focus({ preventScroll: true }); // The form that had the focus is gone.
    } catch (trouble) {
      problem.textContent = trouble.message;
      yes.disabled = false;
      yes.focus();
    }
  });
  document.body.append(dialog);
  dialog.showModal();
}
