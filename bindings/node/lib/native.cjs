'use strict';

const { closeSync, existsSync, openSync, readSync } = require('node:fs');
const { join } = require('node:path');

/** The name of the binary for a platform, such as `rulebound.linux-x64-musl.node`. */
function binary(platform = process.platform, arch = process.arch, musl = isMusl) {
  const libc = platform === 'linux' ? (musl() ? '-musl' : '-gnu') : '';
  return `rulebound.${platform}-${arch}${libc}.node`;
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

/** How to get a binary that is missing: in a checkout it is built, and elsewhere there is nothing to build it from. */
function remedy(folder = join(__dirname, '..'), name = binary()) {
  const build = 'it builds the binary with cargo (Rust 1.88 or later)';
  if (existsSync(join(folder, 'Cargo.toml'))) return `Run \`npm run build\` in ${folder}: ${build}.`;
  return `This package was packed without it. Run \`npm run build\` in \`bindings/node\` of a checkout of rulebound: ${build}. `
    + `Then copy ${name} to ${folder}, or install from that folder.`;
}

/** Loads the binary of this platform, or says what is missing and how to get it. */
function load(folder = join(__dirname, '..'), name = binary()) {
  const path = join(folder, name);
  if (!existsSync(path)) {
    throw new Error(`rulebound has no binary for this platform: ${name} is missing. ${remedy(folder, name)}`);
  }
  try {
    return require(path);
  } catch (cause) {
    throw new Error(`rulebound's binary ${name} cannot be loaded: ${cause.message}. ${remedy(folder, name)}`, { cause });
  }
}

module.exports = { binary, load, remedy };
