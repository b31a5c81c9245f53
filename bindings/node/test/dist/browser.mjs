// A page of one script in Chromium, from a server of this machine: the script's lines go into the page.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';

const CHROMIUM = process.env.RULEBOUND_CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--virtual-time-budget=10000', '--dump-dom'];
const KINDS = { '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm' };

/** Runs a script of a folder in a page, and compares what it prints. */
export async function inBrowser(folder, script, expected, imports = {}) {
  if (!existsSync(CHROMIUM)) return console.log(`skipped: ${CHROMIUM} is missing`);
  const page = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><pre></pre>
    <script>
      const show = (text) => document.querySelector('pre').append(text + '\\n');
      console.log = show;
      addEventListener('error', (event) => show(event.message));
      addEventListener('unhandledrejection', (event) => show(String(event.reason)));
    </script>
    <script type="importmap">${JSON.stringify({ imports })}</script>
    <script type="module" src="/${script}"></script>`;
  const server = createServer(({ url }, response) => {
    if (url === '/') return response.setHeader('content-type', 'text/html').end(page);
    const path = join(folder, url);
    if (!existsSync(path)) return response.writeHead(404).end();
    response.setHeader('content-type', KINDS[extname(path)] ?? 'text/plain').end(readFileSync(path));
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  try {
    const { stdout } = await promisify(execFile)(CHROMIUM, [...FLAGS, `http://127.0.0.1:${server.address().port}/`]);
    const shown = /<pre>([^]*)<\/pre>/.exec(stdout)?.[1];
    assert.equal(shown?.replaceAll('&amp;', '&'), expected);
  } finally {
    server.close();
  }
}
