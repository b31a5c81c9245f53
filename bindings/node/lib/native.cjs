'use strict';

// Finds what carries out the verbs: a binary beside this package, the package of this platform, or WebAssembly.

const { closeSync, existsSync, openSync, readSync } = require('node:fs');
const { createRequire } = require('node:module');
const { join } = require('node:path');

const PLATFORMS = require('./platforms.json');

/** The package that needs no binary. */
const WASM = '@rulebound/wasm';

/** The name of a platform, such as `linux-x64-musl`. */
function platform(os = process.platform, arch = process.arch, musl = isMusl) {
  const libc = os === 'linux' ? (musl() ? '-musl' : '-gnu') : '';
  return `${os}-${arch}${libc}`;
}

/** Whether this Node is linked against musl: its loader is named near the beginning of the executable. */
function isMusl() {
  const head = Buffer.alloc(4096);
  try {
    const file = openSync(process.execPath, 'r');
    readSync(file, head, 0, head.length, 0);
    closeSync(file);
  } catch {
    return false;
  }
  return head.includes('/ld-musl-');
}

/** The file of a platform's binary. */
function binary(name = platform()) {
  return `rulebound.${name}.node`;
}

/** How to get what is missing: in a checkout a binary is built, and elsewhere a package is installed. */
function remedy(folder = join(__dirname, '..'), name = platform()) {
  if (existsSync(join(folder, 'Cargo.toml'))) {
    return `Run \`npm run build\` in ${folder}: it builds the binary with cargo (Rust 1.88 or later).`;
  }
  const isReleased = PLATFORMS.some((it) => it.name === name);
  const install = isReleased
    ? `Run \`npm install --include=optional\`, or \`npm install @rulebound/${name}\` with the version of \`rulebound\`. `
    : `There is none for ${name}. `;
  return `${install}\`npm install ${WASM}\` works everywhere, and is slower. `
    + 'If a bundler has packed this package, leave `rulebound` out of the bundle: make it external.';
}

/** Loads what carries out the verbs, or says what is missing and how to get it. */
function load(folder = join(__dirname, '..'), name = platform()) {
  const own = join(folder, binary(name));
  const isBuilt = existsSync(own);
  const reasons = isBuilt ? [] : [`${binary(name)} is missing`];
  // No bundler looks through this one, so that what is found is what is installed where the program runs.
  const load = createRequire(typeof __filename === 'string' ? __filename : process.argv[1]);
  for (const candidate of [...(isBuilt ? [own] : []), `@rulebound/${name}`, `${WASM}/native`]) {
    try {
      return load(candidate);
    } catch (cause) {
      const isMissing = cause.code === 'MODULE_NOT_FOUND' && cause.message.includes(`'${candidate}'`);
      if (!isMissing) reasons.push(`${candidate} cannot be loaded: ${cause.message}`);
    }
  }
  throw new Error(`rulebound finds no binary that it can load: ${reasons.join('; ')}. ${remedy(folder, name)}`);
}

module.exports = { binary, load, platform, remedy };
