'use strict';

// Builds the binary of this platform with cargo, and puts it into the package; with `--into FOLDER OPTIONS…`, into
// another folder, the options being cargo's.

const { spawnSync } = require('node:child_process');
const { copyFileSync, existsSync, renameSync } = require('node:fs');
const { join } = require('node:path');

const { binary, remedy } = require('../lib/native.cjs');

const folder = join(__dirname, '..');
const name = binary();
const given = process.argv.slice(2);
const isInstall = given[0] === '--install';
const into = given[0] === '--into' ? given[1] : folder;
const options = given[0] === '--into' ? given.slice(2) : ['--profile', 'binding'];

if (!existsSync(join(folder, 'Cargo.toml'))) {
  // A packed package has its binaries, and nothing to build another from; the loader says which one is missing.
  if (!isInstall) console.error(`rulebound: ${name} cannot be built here. ${remedy()}`);
  process.exit(isInstall ? 0 : 1);
}

const cargo = ['build', '--locked', '--package', 'rulebound-node', '--message-format', 'json-render-diagnostics'];
const built = spawnSync('cargo', [...cargo, ...options], {
  cwd: folder,
  encoding: 'utf8',
  maxBuffer: 64 << 20,
  stdio: ['ignore', 'pipe', 'inherit'],
});
if (built.error?.code === 'ENOENT') {
  const isThere = existsSync(join(into, name));
  console.error(`rulebound: cargo is not on the PATH${isThere ? `; ${name} stays as it is.` : '.'}`);
  if (!isThere) console.error(`To build ${name}, install Rust 1.88 or later, and run \`npm install\` again.`);
  process.exit(isThere ? 0 : 1);
}
if (built.status !== 0) {
  console.error(`rulebound: cargo could not build ${name}; see its messages above.`);
  process.exit(1);
}

const messages = built.stdout.split('\n').filter((line) => line.startsWith('{'));
const artifacts = messages.map((line) => JSON.parse(line)).filter((it) => it.target?.name === 'rulebound_node');
const [library] = artifacts.at(-1).filenames.filter((file) => /\.(so|dylib|dll)$/.test(file));
// Renamed into its place, since a process may have the old one loaded.
copyFileSync(library, join(into, `${name}.new`));
renameSync(join(into, `${name}.new`), join(into, name));
console.log(`built ${name}`);
