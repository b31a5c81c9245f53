// The suite of the host kits, on both databases.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { postgres, sqlites, withoutPostgres } from './databases.mjs';
import { root } from './kit.mjs';
import { play } from './suite.mjs';

const folder = join(root, 'host', 'suite');
const files = readdirSync(folder).filter((name) => name.endsWith('.json')).sort();
const scenarios = files.flatMap((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')).map((it) => ({ file, ...it })));

describe('SQLite', () => {
  let databases;
  before(async () => (databases = await sqlites()));
  after(() => databases.close());
  for (const scenario of scenarios.filter(({ databases: only = ['sqlite'] }) => only.includes('sqlite'))) {
    test(`${scenario.file}: ${scenario.name}`, async () => {
      const database = databases.next();
      try {
        await play(database, scenario);
      } finally {
        await database.close();
      }
    });
  }
});

describe('PostgreSQL', { skip: withoutPostgres }, () => {
  let database;
  before(async () => (database = await postgres()));
  after(() => database.close());
  for (const scenario of scenarios.filter(({ databases: only = ['postgres'] }) => only.includes('postgres'))) {
    test(`${scenario.file}: ${scenario.name}`, async () => {
      await database.empty();
      await play(database, scenario);
    });
  }
});
