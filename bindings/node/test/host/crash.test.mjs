// A short run of what `node crash.mjs` does at length.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { crash } from './crash.mjs';
import { withoutPostgres } from './databases.mjs';

const short = { flows: 6, workers: 2, odds: 12, seconds: 120 };

test('killed workers lose nothing and pay nothing twice, on SQLite', async () => {
  const { delivered, kills } = await crash({ on: 'sqlite', ...short });
  assert.equal(delivered, short.flows);
  assert.ok(kills > 0, 'no worker was killed');
});

test('killed workers lose nothing and pay nothing twice, on PostgreSQL', { skip: withoutPostgres }, async () => {
  const { delivered, kills } = await crash({ on: 'postgres', ...short });
  assert.equal(delivered, short.flows);
  assert.ok(kills > 0, 'no worker was killed');
});
