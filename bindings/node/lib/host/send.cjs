'use strict';

// Sends one request by the built-in fetch: a total deadline, a limited body, no redirect.

const { NotSent } = require('./errors.cjs');

const LIMIT = 1 << 20;
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** The request as the provider gets it, with the credential in its header. */
function complete({ method, url, headers, credential: { header, scheme }, body }, apiKey) {
  return { method, url, body, headers: { ...headers, [header]: scheme ? `${scheme} ${apiKey}` : apiKey } };
}

/** Gives the reply, throws `NotSent` if no connection was opened, and anything else if the outcome is unknown. */
async function send({ method, url, headers, body, timeoutMs }) {
  const { protocol, hostname } = new URL(url);
  if (protocol !== 'https:' && !LOOPBACK.includes(hostname)) {
    throw new NotSent(`The base URL of the provider is not https, and a credential goes only to https: ${protocol}//${hostname}`);
  }
  try {
    const options = { method, headers, redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) };
    const response = await fetch(url, body === null ? options : { ...options, body });
    return { status: response.status, headers: response.headers, body: await limited(response) };
  } catch (error) {
    throw neverOpened(error?.cause) ? new NotSent(`No connection: ${error.cause.code}`, { cause: error }) : error;
  }
}

async function limited(response) {
  const parts = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    if (size > LIMIT) throw new Error('The body of the reply is larger than 1 MiB.');
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Whether no connection was opened: only then is it certain that not a byte of the request left. */
function neverOpened(cause) {
  if (cause?.errors?.length > 0) return cause.errors.every(neverOpened);
  return cause?.syscall === 'connect' || cause?.syscall === 'getaddrinfo' || cause?.code === 'UND_ERR_CONNECT_TIMEOUT';
}

module.exports = { complete, send };
