'use strict';

// Before the package is packed: the project's licences stand at its root, and a package must bring its own.

const { copyFileSync } = require('node:fs');
const { join } = require('node:path');

const folder = join(__dirname, '..');
for (const name of ['LICENSE-APACHE', 'LICENSE-MIT']) copyFileSync(join(folder, '../..', name), join(folder, name));
