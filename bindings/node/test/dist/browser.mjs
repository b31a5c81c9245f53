// A page of one script in Chromium, from a server of this machine, to which the page sends what the script has printed.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { text } from 'node:stream/consumers';

const CHROMIUM = process.env.RULEBOUND_CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
const KINDS = { '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm' };

/** Runs a script of a folder in a page, and compares what it prints. `page.mjs` says when it has ended. */
export async function inBrowser(folder, script, expected, imports = {}) {
  if (!existsSync(CHROMIUM)) return console.log(`skipped: ${CHROMIUM} is missing`);
  const page = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
    <script>
      const lines = [];
      const show = (line) => lines.push(line + '\\n');
      const send = () => fetch('/printed', { method: 'POST', body: lines.join('') });
      const fail = (why) => (show(why), send());
      console.log = show;
      addEventListener('ended', send);
      addEventListener('error', (event) => fail(event.message));
      addEventListener('unhandledrejection', (event) => fail(String(event.reason)));
    </script>
    <script type="importmap">${JSON.stringify({ imports })}</script>
    <script type="module" src="/${script}"></script>`;
  let printed;
  const all = new Promise((done) => (printed = done));
  const server = createServer((request, response) => {
    if (request.url === '/') return response.setHeader('content-type', 'text/html').end(page);
    if (request.url === '/printed') return text(request).then((it) => (printed(it), response.end()));
    const path = join(folder, request.url);
    if (!existsSync(path)) return response.writeHead(404).end();
    response.setHeader('content-type', KINDS[extname(path)] ?? 'text/plain').end(readFileSync(path));
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  mkdirSync('out', { recursive: true });
  const profile = mkdtempSync('out/profile-');
  const address = `http://127.0.0.1:${server.address().port}/`;
  const browser = spawn(CHROMIUM, [...FLAGS, `--user-data-dir=${profile}`, address], { stdio: 'ignore' });
  const late = setTimeout(() => printed('nothing within a minute'), 60_000);
  try {
    assert.equal(await all, expected);
  } finally {
    clearTimeout(late);
    browser.kill();
    await once(browser, 'exit');
    server.close();
    server.closeAllConnections();
  }
}
