// The requests to the server that serves this page.

/** What went wrong, in words for a person. `status` is 0 if no reply came. */
export class Trouble extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, { status, code });
  }
}

const WORDS = {
  access: 'You have no access to this dashboard. Sign in to the application that it belongs to, then load the page again.',
  read_only: 'You can look, but not change anything: your access is read-only.',
  origin: 'The server does not accept changes from this address. Open the dashboard at its own address.',
  review: 'This question is not open any more: somebody has answered it, or the provider has.',
  row: 'There is no such flow here. It may have been forgotten.',
  database: 'The database of the server is not available. Nothing was changed.',
  id: 'This is not an id that fits the answer. Copy it from the provider again.',
};

/** A GET, relative to the page. */
export function read(path, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined);
  const query = new URLSearchParams(given);
  return request(`./api/${path}${given.length ? `?${query}` : ''}`, {});
}

/** A POST. The two headers show that a page of this origin sent it. */
export function write(path, body) {
  const headers = { 'content-type': 'application/json', 'x-rulebound': '1' };
  return request(`./api/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
}

async function request(url, options) {
  let reply;
  let body;
  try {
    reply = await fetch(url, { ...options, signal: AbortSignal.timeout(15_000), cache: 'no-store' });
    body = await reply.text();
  } catch {
    throw new Trouble(0, 'unreachable', 'The server cannot be reached.');
  }
  const value = parsed(body);
  if (reply.ok && value) return value;
  const { class: kind = '', code = '' } = value?.error ?? {};
  const known = WORDS[code] ?? `The server replied with ${reply.status}${kind ? ` (${kind}: ${code})` : ''}.`;
  throw new Trouble(reply.status, code, known);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // Not the server of this page: a proxy's page, for instance.
  }
}
