// Other runtimes than Node: Bun and Deno load the binary, and an edge worker the WebAssembly module.

import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { build } from 'esbuild';

import { EXPECTED, printed } from './printed.mjs';

const program = (name) => `node_modules/.bin/${name}`;

test('Bun', () => {
  assert.equal(printed(program('bun'), 'run', 'readme.mjs'), EXPECTED);
});

test('Deno, which asks before it loads a binary or reads a file', () => {
  assert.equal(printed(program('deno'), 'run', '--no-prompt', '--allow-ffi', '--allow-read', 'readme.mjs'), EXPECTED);
});

test('an edge worker of workerd', async () => {
  mkdirSync('out/worker', { recursive: true });
  // It has no clock before a request arrives, and its bundler leaves a module of WebAssembly to the runtime.
  writeFileSync('out/worker/entry.mjs', `
    export default {
      async test() {
        const lines = [];
        console.log = (line) => lines.push(line + '\\n');
        await import('../../readme.mjs');
        if (lines.join('') !== ${JSON.stringify(EXPECTED)}) throw new Error(lines.join(''));
      },
    };`);
  const options = { bundle: true, format: 'esm', conditions: ['workerd'], external: ['*.wasm'], outfile: 'out/worker/worker.mjs' };
  await build({ entryPoints: ['out/worker/entry.mjs'], ...options });
  copyFileSync('node_modules/@rulebound/wasm/rulebound.wasm', 'out/worker/rulebound.wasm');
  writeFileSync('out/worker/config.capnp', `
    using Workerd = import "/workerd/workerd.capnp";
    const config :Workerd.Config = (services = [(name = "main", worker = .worker)]);
    const worker :Workerd.Worker = (
      modules = [
        (name = "worker.mjs", esModule = embed "worker.mjs"),
        (name = "./rulebound.wasm", wasm = embed "rulebound.wasm"),
      ],
      compatibilityDate = "2026-01-01",
    );`);
  printed(program('workerd'), 'test', 'out/worker/config.capnp');
});
