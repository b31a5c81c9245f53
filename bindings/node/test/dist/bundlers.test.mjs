// Bundlers, for servers and for browsers. What works without an option works here without one.

import assert from 'node:assert/strict';
import { copyFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { build as esbuild } from 'esbuild';
import { build as vite } from 'vite';
import webpack from 'webpack';

import { inBrowser } from './browser.mjs';
import { EXPECTED, ran } from './printed.mjs';

const ENTRY = 'readme.mjs';

function packed(options) {
  return new Promise((done, fail) => {
    const settings = { mode: 'production', entry: `./${ENTRY}`, stats: 'errors-only', ...options };
    webpack(settings, (error, stats) => {
      if (error || stats.hasErrors() || stats.hasWarnings()) fail(error ?? new Error(stats.toString()));
      else done();
    });
  });
}

test('esbuild for a server, as CommonJS', async () => {
  await esbuild({ entryPoints: [ENTRY], bundle: true, platform: 'node', format: 'cjs', outfile: 'out/esbuild.cjs' });
  assert.equal(ran('out/esbuild.cjs'), EXPECTED);
});

test('esbuild for a server, as ECMAScript modules: the package stays out of the bundle', async () => {
  const options = { bundle: true, platform: 'node', format: 'esm', external: ['rulebound'] };
  await esbuild({ entryPoints: [ENTRY], ...options, outfile: 'out/esbuild.mjs' });
  assert.equal(ran('out/esbuild.mjs'), EXPECTED);
});

test('webpack for a server', async () => {
  await packed({ target: 'node20', output: { path: join(process.cwd(), 'out'), filename: 'webpack.cjs' } });
  assert.equal(ran('out/webpack.cjs'), EXPECTED);
});

test('Vite for a server', async () => {
  await vite({ logLevel: 'error', build: { ssr: ENTRY, outDir: 'out/ssr' } });
  assert.equal(ran('out/ssr/readme.js'), EXPECTED);
});

test('esbuild for a browser: the module is copied beside the script', async () => {
  const options = { bundle: true, format: 'esm', target: 'es2022', outfile: 'out/esbuild-web/main.js' };
  await esbuild({ entryPoints: ['page.mjs'], ...options });
  copyFileSync('node_modules/@rulebound/wasm/rulebound.wasm', 'out/esbuild-web/rulebound.wasm');
  await inBrowser('out/esbuild-web', 'main.js', EXPECTED);
});

test('webpack for a browser', async () => {
  const output = { path: join(process.cwd(), 'out/webpack-web'), filename: 'main.mjs', module: true };
  await packed({ entry: './page.mjs', target: ['web', 'es2022'], output, experiments: { outputModule: true }, performance: false });
  await inBrowser('out/webpack-web', 'main.mjs', EXPECTED);
});

test('Vite for a browser', async () => {
  const rollupOptions = { input: 'page.mjs', output: { entryFileNames: 'main.js' } };
  await vite({ logLevel: 'error', base: './', build: { outDir: 'out/vite-web', target: 'es2022', rollupOptions } });
  assert.ok(readdirSync('out/vite-web/assets').some((it) => it.endsWith('.wasm')));
  await inBrowser('out/vite-web', 'main.js', EXPECTED);
});

test('a browser without a bundler, by an import map', async () => {
  copyFileSync('page.mjs', 'out/page.mjs');
  copyFileSync(ENTRY, 'out/readme.mjs');
  const imports = { rulebound: '/node_modules/rulebound/lib/web.mjs', '@rulebound/wasm': '/node_modules/@rulebound/wasm/web.mjs' };
  await inBrowser('.', 'out/page.mjs', EXPECTED, imports);
});
