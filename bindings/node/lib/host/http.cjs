'use strict';

// Requests and responses as `fetch` has them: what every web framework can give.

/** The body of a request, or null if it has more bytes. */
async function readBody(request, limit) {
  if (Number(request.headers.get('content-length') ?? 0) > limit) return null;
  const parts = [];
  let size = 0;
  for await (const part of request.body ?? []) {
    size += part.length;
    if (size > limit) return null;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** The part of a path behind a prefix such as `/webhooks`; null if it has another one. */
function below(pathname, prefix) {
  const start = prefix.replace(/\/+$/, '');
  if (pathname === start) return '';
  return pathname.startsWith(`${start}/`) ? pathname.slice(start.length) : null;
}

module.exports = { below, readBody };
