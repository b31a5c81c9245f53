// The README's whole host runs and prints what it should, the shop sells, and the command line works.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

import Database from 'better-sqlite3';

import { root } from './kit.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const bin = join(root, 'bindings/node/bin/rulebound.cjs');
const [README, PAGE] = ['README.md', 'docs/host.md'].map((name) => readFileSync(join(root, 'bindings/node', name), 'utf8'));

/** What the reader of the README's test has: a database, an order, and a server with the host's routes. */
const READER = `import { createServer } from 'node:http';
import Database from 'better-sqlite3';
const db = new Database('test.db');
db.pragma('synchronous = FULL');
const key = '6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a33';
const order_items = [{ name: 'B12', sku: 'b12', quantity: 1, price: 1500 }];
const urls = { success_url: 'https://shop.example/ok', failure_url: 'https://shop.example/no' };
const server = createServer(async (request, response) => {
  const chunks = await request.toArray();
  response.writeHead(await host.webhook('truemed', { headers: request.headers, body: Buffer.concat(chunks) })).end();
});
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const { port } = server.address();`;

/** A folder in which the packages of the tests are found. */
function within(work) {
  const folder = mkdtempSync(join(here, 'run-'));
  return Promise.resolve(work(folder)).finally(() => rmSync(folder, { recursive: true }));
}

function ran(command, options, folder) {
  const { status, stdout, stderr } = spawnSync(command, options, { cwd: folder, encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** The first program of a section. */
const programOf = (text, section) => text.split(section)[1].split('```ts\n')[1].split('```')[0];

function compiledAndRun(code, folder) {
  const { compilerOptions } = JSON.parse(readFileSync(join(here, 'tsconfig.json'), 'utf8'));
  writeFileSync(join(folder, 'host.mts'), code);
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: { ...compilerOptions, noEmit: false }, files: ['host.mts'] }));
  const compiled = ran('npx', ['--no', '--', 'tsc', '--project', folder], here);
  assert.equal(compiled.status, 0, compiled.stdout);
  return ran(process.execPath, ['host.mjs'], folder);
}

test('an order at Revup makes a token, and the token one subscription', () =>
  within((folder) => {
    const { stdout, stderr } = compiledAndRun(programOf(PAGE, '## Revup'), folder);
    assert.deepEqual([stdout, stderr], ['created\n1\n', '']);
  }));

test('the whole host of the README', () =>
  within((folder) => {
    const { stdout, stderr } = compiledAndRun(programOf(README, '## The whole host'), folder);
    assert.deepEqual([stdout, stderr], ["[ 'create_payment_token' ]\n204\nissued\n", '']);
    const code = readFileSync(join(folder, 'host.mts'), 'utf8');
    assert.ok(code.trim().split('\n').length <= 40, 'it is longer than 40 lines');
  }));

test('the monthly charges of the host\'s page, behind the program of the README', () =>
  within((folder) => {
    const code = programOf(README, '## The whole host') + programOf(PAGE, '## Monthly charges');
    const { stdout, stderr } = compiledAndRun(code, folder);
    assert.deepEqual([stdout.split('\n').at(-2), stderr], ["[ 'create_payment_session:2026-12' ]", '']);
  }));

test('the host with Flex and Vend of the host\'s page', () =>
  within((folder) => {
    const { stdout } = compiledAndRun(programOf(PAGE, '## Flex and Vend'), folder);
    assert.match(stdout, /^https:\/\/pay\.example\/1\nhttps:\/\/shop\.retail\.lightspeed\.app\/billing\/partner-consent\?token=\w+\n$/);
  }));

test('the refund from support of the host\'s page', () =>
  within((folder) => {
    const { stdout } = compiledAndRun(programOf(PAGE, '## A refund from support'), folder);
    assert.equal(stdout, "[ 'create_refund' ]\n{ amount: 1000, currency: null }\n[ 'truemed.refund.amount' ]\n");
  }));

test('the test of the README, with the simulator', () =>
  within(async (folder) => {
    const code = README.split('\n## Test\n')[1].split('```js\n')[1].split('```')[0];
    writeFileSync(join(folder, 'test.mjs'), `${READER}\n${code.replace('8000', '${port}').replace(/'(http:[^']*)'/, '`$1`')}server.close();\n`);
    const { stdout, stderr } = ran(process.execPath, ['test.mjs'], folder);
    assert.equal(stdout, 'issued\n');
    const logged = stderr.trim().split('\n').map((line) => JSON.parse(line).event);
    assert.deepEqual(logged, ['lost', 'failure'], stderr);
  }));

test('the refund of the README', () =>
  within((folder) => {
    const code = README.split('\n## Migrate\n')[1].split('```js\n')[1].split('```')[0];
    writeFileSync(join(folder, 'refund.mjs'), code);
    assert.deepEqual(ran(process.execPath, ['refund.mjs'], folder), { status: 0, stdout: "[ 'create_refund:return-7' ]\n", stderr: '' });
  }));

test('the shop sells', () =>
  within(async (folder) => {
    copyFileSync(join(root, 'bindings/node/examples/shop.mjs'), join(folder, 'shop.mjs'));
    assert.ok(readFileSync(join(folder, 'shop.mjs'), 'utf8').split('\n').length <= 80);
    const { shop } = await import(pathToFileURL(join(folder, 'shop.mjs')).href);
    const { host, world, site, close } = await shop({ file: join(folder, 'shop.db'), port: 3417, run: false });
    try {
      const ordered = await fetch(`${site}/orders/b12`, { method: 'POST', redirect: 'manual' });
      const order = ordered.headers.get('location');
      const shown = async () => (await fetch(order)).json();
      await host.tick();
      const rejected = await fetch(`${order}/charge`, { method: 'POST' });
      assert.equal(rejected.status, 422, await rejected.text());
      await world.act({ do: 'finish', url: (await shown()).status.customer_url });
      await world.advance({ ms: 7_200_000, host });
      assert.equal((await shown()).status.facets.token, 'issued');
      assert.equal((await fetch(`${order}/charge`, { method: 'POST' })).status, 200);
      await host.tick();
      await world.advance({ ms: 60_000, host });
      await host.tick();
      assert.match((await shown()).order.shipped, /\/fulfill:/);
      const page = await fetch(`${site}/rulebound`);
      assert.equal(page.status, 200);
      assert.ok(page.url.endsWith('/rulebound/'));
      const { rows } = await (await fetch(`${site}/rulebound/api/search?q=${order.split('/').at(-1)}`)).json();
      assert.equal(rows.length, 1);
      const large = await fetch(`${site}/webhooks/truemed`, { method: 'POST', body: 'x'.repeat((1 << 20) + 1) });
      assert.equal(large.status, 413);
    } finally {
      await close();
    }
  }));

test('the command line', () =>
  within((folder) => {
    const program = `import { Host } from 'rulebound/host';
      export const host = new Host('sqlite:///shop.db', { truemed: { apiKey: 'k' } }).ignore('notify').ignore('fulfill').ignore('access');`;
    writeFileSync(join(folder, 'shop.mjs'), program);
    const rulebound = (...options) => ran(process.execPath, [bin, ...options, '--host', 'shop.mjs'], folder);
    const mistyped = rulebound('doctor');
    assert.deepEqual([mistyped.status, mistyped.stdout], [2, '']);
    assert.match(mistyped.stderr, /there is no `shop.db`. Correct the path, or make it with `rulebound migrate`/);
    assert.match(rulebound('worker', '--help').stdout, /migrate/);
    assert.match(rulebound('migrate', '--dry-run').stdout, /CREATE TABLE rulebound_flows/);
    assert.equal(existsSync(join(folder, 'shop.db')), false);
    assert.match(rulebound('migrate').stdout, /CREATE TABLE rulebound_flows/);
    assert.equal(rulebound('migrate').stdout, 'The tables are complete.\n');
    for (const command of ['doctor', 'verify']) assert.deepEqual(rulebound(command), { status: 0, stdout: '0 problems\n', stderr: '' });
    const restored = rulebound('doctor', '--restored', '2026-11-30T04:00:00Z');
    const told = 'rows count each open request as sent, with an unknown outcome: it is looked up, or sent again under the same key';
    assert.deepEqual(restored, { status: 0, stdout: `0 ${told}\n0 problems\n`, stderr: '' });
    assert.match(rulebound('doctor', '--restored', 'yesterday').stderr, /is no instant/);
    assert.equal(rulebound('dance').status, 2);
    const db = new Database(join(folder, 'shop.db'));
    db.exec('DROP INDEX rulebound_ids_row');
    for (const options of [[], ['--dry-run']]) {
      const broken = rulebound('migrate', ...options);
      assert.equal(broken.status, 1);
      assert.match(broken.stdout, /^`rulebound_ids_row` is missing. Execute: CREATE INDEX rulebound_ids_row ON/);
    }
    db.exec(/Execute: (.*)/.exec(rulebound('migrate').stdout)[1]);
    assert.equal(rulebound('migrate', '--dry-run').stdout, 'The tables are complete.\n');
    db.exec('UPDATE rulebound_schema_version SET version = 3');
    const newer = rulebound('migrate');
    assert.deepEqual([newer.status, JSON.parse(newer.stderr)], [0, { level: 'warn', event: 'tables_newer', version: 3, known: 1 }]);
    db.exec('UPDATE rulebound_schema_version SET readable_from = 2');
    db.close();
    const tooNew = rulebound('migrate');
    assert.deepEqual([tooNew.status, tooNew.stdout], [2, '']);
    assert.match(tooNew.stderr, /version 3, for releases that know the version 2. This release works with the version 1/);
  }));

test('the package has the files of the host kits, byte by byte', () => {
  for (const folder of ['dashboard', 'sql/sqlite', 'sql/postgres']) {
    const names = readdirSync(join(root, 'host', folder), { withFileTypes: true }).filter((it) => it.isFile()).map(({ name }) => name);
    const copy = join(root, 'bindings/node/host', folder);
    assert.deepEqual(readdirSync(copy).sort(), names.sort());
    for (const name of names) assert.ok(readFileSync(join(copy, name)).equals(readFileSync(join(root, 'host', folder, name))), name);
  }
});
