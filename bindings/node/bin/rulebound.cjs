#!/usr/bin/env node
'use strict';

// The command line: `rulebound worker|migrate|doctor|verify --host FILE`. FILE exports `host`, with its handlers.

const { existsSync } = require('node:fs');
const { resolve } = require('node:path');
const { pathToFileURL } = require('node:url');
const { parseArgs } = require('node:util');

const USAGE = `rulebound COMMAND --host FILE    FILE is a module that exports \`host\`

  worker                               carries out what is due, until SIGTERM or SIGINT
  migrate [--dry-run] [--formats]      makes or completes the tables; prints the SQL; raises what every worker writes
  doctor [--restored INSTANT]          finds drift; after a restored backup: INSTANT is when the backup was taken
  verify                               proves the journal: gaps and digests
`;
const OPTIONS = {
  host: { type: 'string' },
  'dry-run': { type: 'boolean', default: false },
  formats: { type: 'boolean', default: false },
  restored: { type: 'string' },
  help: { type: 'boolean', default: false },
};

const RESTORED = 'rows count each open request as sent, with an unknown outcome: it is looked up, or sent again under the same key';

const COMMANDS = {
  async worker(host) {
    for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => host.stop());
    await host.run();
    return 0;
  },
  async migrate(host, { 'dry-run': dryRun, formats }) {
    const texts = await host.migrate({ dryRun, formats });
    for (const text of texts) process.stdout.write(text);
    // What would be executed brings no table back that is gone from a version that is there.
    const gone = dryRun && texts.length > 0 ? [] : (await host.internals.drift()).filter(({ problem }) => problem === 'schema');
    for (const { detail } of gone) console.log(detail);
    if (texts.length + gone.length === 0) console.log('The tables are complete.');
    return gone.length === 0 ? 0 : 1;
  },
  async doctor(host, { restored }) {
    const at = restored === undefined ? null : new Date(restored);
    if (at !== null && Number.isNaN(at.getTime())) throw new Error('--restored: is no instant. Write one such as 2026-11-30T04:00:00Z.');
    const problems = await host.doctor({ restored: at });
    if (at !== null) console.log(`${host.restoredRows} ${RESTORED}`);
    return report(problems);
  },
  async verify(host) {
    return report(await host.verify());
  },
};

function report(problems) {
  for (const { problem, flow, key, detail } of problems) console.log([problem, flow, key, detail].filter(Boolean).join(' '));
  console.log(`${problems.length} problems`);
  return problems.length === 0 ? 0 : 1;
}

async function main() {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
  const [name] = positionals;
  if (values.help || !Object.hasOwn(COMMANDS, name) || positionals.length > 1 || values.host === undefined) {
    (values.help ? process.stdout : process.stderr).write(USAGE);
    return values.help ? 0 : 2;
  }
  const file = resolve(values.host);
  if (!existsSync(file)) throw new Error(`--host: there is no file ${values.host}. Give the module that exports \`host\`.`);
  const { host, default: other } = await import(pathToFileURL(file).href);
  const found = host ?? other?.host ?? other;
  if (typeof found?.tick !== 'function') throw new Error(`--host: ${values.host} exports no \`host\`. Write \`export const host = new Host(…)\`.`);
  try {
    return await COMMANDS[name](found, values);
  } finally {
    await found.close();
  }
}

main().then(
  (code) => (process.exitCode = code),
  (error) => {
    console.error(`rulebound: ${error.message}`);
    process.exitCode = 2;
  },
);
