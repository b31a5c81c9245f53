'use strict';

// The webhooks' routes as `(Request) => Response`.

const { below, readBody } = require('./http.cjs');
const { LIMIT, address } = require('./webhooks.cjs');

/** Answers `POST {prefix}/{provider}`, with an account or a token behind it. */
function webhookRoute(host, { prefix = '/webhooks' } = {}) {
  return async (request) => {
    const url = new URL(request.url);
    const path = below(url.pathname, prefix);
    const found = path === null ? null : addressed(path);
    if (found === null) return new Response(null, { status: 404 });
    if (request.method !== 'POST') return new Response(null, { status: 405, headers: { allow: 'POST' } });
    const body = await readBody(request, LIMIT);
    if (body === null) return new Response(null, { status: 413 });
    const { provider, account, token } = found;
    const topic = url.searchParams.get('topic');
    const status = await host.webhook(provider, { headers: request.headers, body, account, token, topic });
    return new Response(null, { status });
  };
}

/** A path whose escapes cannot be read is no address. */
function addressed(path) {
  try {
    return address(path);
  } catch {
    return null;
  }
}

module.exports = { webhookRoute };
