'use strict';

const { createRequire } = require('node:module');
const { join } = require('node:path');

const { HostError } = require('./errors.cjs');

/** An optional peer, also where this package is a link into another folder: then the program's own folder has it. */
function peer(name, purpose) {
  const own = [process.argv[1], join(process.cwd(), 'package.json')].filter(Boolean).map((it) => createRequire(it));
  for (const load of [require, ...own]) {
    try {
      return load(name);
    } catch (error) {
      if (error.code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  throw new HostError(`${purpose} needs \`${name}\`. Run \`npm install ${name}\`.`);
}

module.exports = { peer };
