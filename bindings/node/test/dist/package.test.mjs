// The package as npm has installed it, with a binary or as WebAssembly: modules of both kinds, and worker threads.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

import * as rulebound from 'rulebound';

import { EXPECTED, ran } from './printed.mjs';

const require = createRequire(import.meta.url);
const KEY = '6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11';

test('the first example prints what the README says', () => {
  assert.equal(ran('readme.mjs'), EXPECTED);
});

test('both kinds of modules are one library', () => {
  const common = require('rulebound');
  assert.equal(common.truemed, rulebound.truemed);
  assert.equal(common.versions().library, require('rulebound/package.json').version);
});

test('it loads before a program, by `--import` and by `--require`', () => {
  assert.equal(ran('--import', 'rulebound', 'readme.mjs'), EXPECTED);
  assert.equal(ran('--require', 'rulebound', 'readme.mjs'), EXPECTED);
});

test('a worker thread has a library of its own', async () => {
  const program = `
    const { load } = require('rulebound');
    const { parentPort, workerData } = require('node:worker_threads');
    parentPort.postMessage(load(workerData).save());`;
  const row = rulebound.truemed.PaymentToken.start(KEY).save();
  const worker = new Worker(program, { eval: true, workerData: row });
  const answer = await new Promise((done, fail) => worker.once('message', done).once('error', fail));
  assert.equal(answer, row);
});

test('a snapshot prints no more than a fingerprint', () => {
  assert.match(String(rulebound.truemed.PaymentToken.start(KEY)), /^\[object truemed\.payment_token [0-9a-f]{18}\]$/);
});
