// Where neither a binary nor WebAssembly is installed.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ran } from './printed.mjs';

test('the error says what to install', () => {
  assert.throws(() => ran('readme.mjs'), { message: /no binary that it can load[^]*npm install @rulebound\/wasm/ });
});
