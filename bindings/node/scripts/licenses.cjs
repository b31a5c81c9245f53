'use strict';

// Before the package is packed: the project's licences are at its root, and a package needs its own.

const { copyFileSync } = require('node:fs');
const { join } = require('node:path');

const folder = join(__dirname, '..');
for (const name of ['LICENSE-APACHE', 'LICENSE-MIT']) copyFileSync(join(folder, '../..', name), join(folder, name));
