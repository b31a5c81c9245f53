// What the package may cost: the size of its binary, and the time that loading it takes.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const package_ = fileURLToPath(new URL('..', import.meta.url));
const { binary, load, platform } = createRequire(import.meta.url)('../lib/native.cjs');

/** How long loading takes in a new process, in milliseconds. */
function loading() {
  const path = JSON.stringify(`${package_}lib/index.cjs`);
  const program = `const began = performance.now(); require(${path}); console.log(performance.now() - began)`;
  const { status, stdout } = spawnSync(process.execPath, ['--eval', program], { encoding: 'utf8' });
  assert.equal(status, 0);
  return Number(stdout);
}

test('the binary is at most 4.7 MB', () => {
  assert.ok(statSync(package_ + binary()).size <= 4_700_000);
});

test('loading takes at most 10 ms', () => {
  // The shortest of some runs is what it takes: a busy machine only ever adds to it.
  let shortest = Infinity;
  for (let run = 0; run < 40 && shortest > 10; run += 1) shortest = Math.min(shortest, loading());
  assert.ok(shortest <= 10, `${shortest.toFixed(1)} ms`);
});

test('a binary is named by platform, architecture and libc', () => {
  assert.equal(binary(platform('linux', 'x64', () => false)), 'rulebound.linux-x64-gnu.node');
  assert.equal(binary(platform('linux', 'arm64', () => true)), 'rulebound.linux-arm64-musl.node');
  assert.equal(binary(platform('darwin', 'arm64')), 'rulebound.darwin-arm64.node');
  assert.equal(binary(platform('win32', 'x64')), 'rulebound.win32-x64.node');
});

test('a package has its licences, and all that it links to', () => {
  const packed = spawnSync('npm', ['pack', '--dry-run', '--json', '--silent'], { cwd: package_, encoding: 'utf8' });
  assert.equal(packed.status, 0, packed.stderr);
  const files = JSON.parse(packed.stdout);
  const paths = (Array.isArray(files) ? files[0] : Object.values(files)[0]).files.map((it) => it.path);
  for (const path of ['LICENSE-APACHE', 'LICENSE-MIT', 'README.md', 'examples/shop.mjs', 'bin/rulebound.cjs', 'host/dashboard/index.html', 'types/index.d.cts', binary()]) {
    assert.ok(paths.includes(path), `${path} is missing`);
  }
  assert.ok(paths.every((path) => !/^(src|test|bench|Cargo|scripts\/licenses)/.test(path)), paths.join());
  const prose = readFileSync(`${package_}README.md`, 'utf8').replaceAll(/```[^]*?```/g, '');
  const links = prose.matchAll(/\]\((?!http)([^)#]+)/g);
  for (const [, link] of links) assert.ok(paths.includes(link), `${link} is a dead link in the package`);
});

/** Runs a test in an empty folder. */
function inFolder(run) {
  const folder = mkdtempSync(join(tmpdir(), 'rulebound-packed-'));
  try {
    run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('what cannot be loaded is named, with the remedy: in a checkout a build, and elsewhere a package', () => {
  const fails = (folder, name, ...all) => {
    for (const message of all) assert.throws(() => load(folder, name), { message });
  };
  fails(package_, 'plan9-x64', /no binary that it can load: rulebound\.plan9-x64\.node is missing/, /npm run build.*cargo/);
  inFolder((folder) => {
    fails(folder, 'linux-arm64-gnu', /npm install @rulebound\/linux-arm64-gnu/, /npm install @rulebound\/wasm/, /external/);
    fails(folder, 'plan9-x64', /none for plan9-x64/, /npm install @rulebound\/wasm/);
    writeFileSync(join(folder, binary('plan9-x64')), 'no binary');
    fails(folder, 'plan9-x64', /plan9-x64\.node cannot be loaded: /);
  });
});

test('a package that is packed without a binary builds none', () => {
  inFolder((folder) => {
    for (const part of ['lib', 'scripts']) cpSync(join(package_, part), join(folder, part), { recursive: true });
    const run = (...options) => spawnSync(process.execPath, [join(folder, 'scripts/build.cjs'), ...options], { encoding: 'utf8' });
    const built = run();
    assert.equal(built.status, 1);
    assert.match(built.stderr, /cannot be built here[^]*npm install/);
    assert.equal(run('--install').status, 0);
  });
});
