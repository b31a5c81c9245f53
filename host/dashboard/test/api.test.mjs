// The scenarios of the dashboard's API, on the server that the page is tested with: page and kits see one API.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { test } from 'node:test';
import { join } from 'node:path';

import { MemoryHost } from './host.mjs';
import { serve } from './server.mjs';
import { fits } from './shape.mjs';

const HOST = join(process.env.RULEBOUND_ROOT, 'host');
const EVERY = {
  'content-security-policy': "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cache-control': 'no-store',
};
const OURS = { 'content-type': 'application/json', 'x-rulebound': '1', 'sec-fetch-site': 'same-origin' };

for (const scenario of JSON.parse(readFileSync(join(HOST, 'suite/dashboard.json'), 'utf8'))) {
  test(scenario.name, async () => {
    const host = new MemoryHost({ providers: scenario.providers });
    const server = await serve(host, join(HOST, 'dashboard'));
    const memory = { next: '' };
    try {
      for (const step of scenario.steps) await doStep(step, host, server, memory);
    } finally {
      await server.close();
    }
  });
}

async function doStep(step, host, server, memory) {
  const { expect = {} } = step;
  if (step.handle) assert.deepEqual(host.handle(step.handle).rejected, expect.rejected);
  else if (step.script) host.script(step.script);
  else if (step.tick) host.tick();
  else if (step.advance) host.now += step.advance;
  else if (step.webhook) assert.equal(host.webhook(step.webhook), expect.status);
  else if (step.handler) host.handlers[step.handler.kind] = step.handler.does;
  else if (step.request) await check(await send(step.request, server, memory), expect, memory);
  else assert.fail(`a step of another kind: ${Object.keys(step)}`);
}

/** Sends what a step says, byte by byte: `fetch` would add headers and follow redirects. */
function send({ method = 'GET', path, headers = {}, json, body, access = 'all' }, { origin }, { next }) {
  const text = json === undefined ? (body?.size ? 'x'.repeat(body.size) : body) : JSON.stringify(json);
  const all = { ...(json === undefined ? {} : OURS), ...headers, 'x-test-access': access };
  const given = Object.entries(all).filter(([, value]) => value !== null).map(([name, value]) => [name, value.replace('{host}', new URL(origin).host)]);
  return new Promise((resolve, reject) => {
    const sent = request(origin + path.replace('{next}', encodeURIComponent(next)), { method, headers: Object.fromEntries(given) }, async (reply) => {
      const parts = [];
      for await (const part of reply) parts.push(part);
      resolve({ status: reply.statusCode, headers: reply.headers, body: Buffer.concat(parts).toString() });
    });
    sent.on('error', reject);
    sent.end(text);
  });
}

async function check(reply, expect, memory) {
  assert.equal(reply.status, expect.status ?? 200, reply.body);
  for (const [name, value] of Object.entries({ ...EVERY, ...expect.headers })) assert.equal(reply.headers[name.toLowerCase()], value, name);
  if (expect.file) assert.equal(reply.body, readFileSync(join(HOST, 'dashboard', expect.file), 'utf8'));
  for (const text of expect.not_in_body ?? []) assert.ok(!reply.body.includes(text), `the body has ${text}`);
  if (expect.body !== undefined) assert.equal(reply.body, expect.body);
  if (expect.json === undefined) return;
  const value = JSON.parse(reply.body);
  fits(value, expect.json);
  memory.next = value.next ?? '';
}
