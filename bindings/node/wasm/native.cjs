'use strict';

// For Node and what is like it: the verbs of the module, which `rulebound` uses where it has no binary.

const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const { bind } = require('./library.cjs');

module.exports = bind(new WebAssembly.Module(readFileSync(join(__dirname, 'rulebound.wasm'))));
