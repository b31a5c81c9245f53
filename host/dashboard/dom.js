// Elements, and how a page changes in place. Text goes in as text only: nothing here reads HTML.

/** An element. A member of `given` is an attribute, `on…` a listener; a child is an element, a text, or nothing. */
export function el(tag, given = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children.flat(Infinity).filter((it) => it !== null && it !== undefined && it !== false && it !== ''));
  return element;
}

/** A name that others chose. It is isolated, so that right-to-left text does not turn what is beside it. */
export function name(text, className = 'id') {
  return el('bdi', { class: className }, String(text));
}

/** A message: what is between backticks is code. */
export function prose(text) {
  return el('bdi', {}, String(text).split('`').map((part, at) => (at % 2 ? el('code', {}, part) : part)));
}

/** A link to another site; a plain text if it is not a page. */
export function page(url, text) {
  if (!/^https:\/\/[a-z0-9.-]+\//i.test(url ?? '')) return el('span', {}, text);
  return el('a', { href: url, target: '_blank', rel: 'noopener noreferrer' }, text, el('span', { class: 'unseen' }, ' (another site)'));
}

/** The place of a row in the page's own address. */
export function addressOf({ flow, key }) {
  return `#/row?${new URLSearchParams({ flow, key })}`;
}

/**
 * Brings the children of a place to the blocks, each `{ key, sign, make }`. A block whose `sign` is as before stays the
 * element that it is: what a person types or has focused in it stays too.
 */
export function sync(place, blocks) {
  const active = document.activeElement;
  const index = place.contains(active) ? focusables(childWith(place, active)).indexOf(active) : -1;
  const key = index < 0 ? null : childWith(place, active).blockKey;
  const before = new Map([...place.children].map((it) => [it.blockKey, it]));
  let cursor = place.firstElementChild;
  for (const block of blocks) {
    let node = before.get(block.key);
    before.delete(block.key);
    if (node?.blockSign !== block.sign) {
      const made = Object.assign(block.make(), { blockKey: block.key, blockSign: block.sign });
      if (node === cursor && node) cursor = made;
      node?.replaceWith(made);
      node = made;
    }
    if (node === cursor) cursor = cursor.nextElementSibling;
    else place.insertBefore(node, cursor);
  }
  for (const gone of before.values()) gone.remove();
  if (index < 0 || document.activeElement === active) return;
  const kept = active.isConnected ? active : focusables([...place.children].find((it) => it.blockKey === key))[index];
  kept?.focus({ preventScroll: true });
}

/** A block whose content is all that its data says. */
export function block(key, data, make) {
  return { key, sign: JSON.stringify(data), make };
}

function childWith(place, element) {
  return [...place.children].find((it) => it.contains(element));
}

function focusables(element) {
  return [...(element?.querySelectorAll('a, button, input, summary, [tabindex]') ?? [])];
}
