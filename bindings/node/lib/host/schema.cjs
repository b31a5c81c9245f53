'use strict';

// The tables: made by `migrate`, checked before the first statement, and compared by `doctor`.

const { versions } = require('../index.cjs');
const { VERSION, call, sql } = require('./dialect.cjs');
const { BrokenTables, SchemaError, TooNew } = require('./errors.cjs');
const { newest } = require('./kit.cjs');

const VERSIONS = 'SELECT version, readable_from FROM {p}schema_version ORDER BY version DESC LIMIT 1';
const FORMATS = 'SELECT flow, format FROM {p}formats';
const SET_FORMAT = 'INSERT INTO {p}formats (flow, format) VALUES (?, ?) ON CONFLICT (flow) DO';
/** Two programs that start at once make the tables one after the other. The kits have the same lock. */
const LOCK = "SELECT pg_advisory_xact_lock(hashtext('rulebound.migrate'))";
const HAS_TABLE = {
  sqlite: "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?",
  postgres: 'SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = ?',
};
const COLUMNS = {
  sqlite: `SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
    WHERE m.type = 'table' AND m.name GLOB 'rulebound_*'`,
  postgres: `SELECT table_name::text, column_name::text FROM information_schema.columns
    WHERE table_schema = ? AND table_name LIKE 'rulebound\\_%'`,
};
const INDEXES = {
  sqlite: "SELECT name FROM sqlite_master WHERE type = 'index' AND name GLOB 'rulebound_*'",
  postgres: `SELECT indexname::text FROM pg_indexes WHERE schemaname = ? AND indexname LIKE 'rulebound\\_%'
    AND indexname NOT LIKE '%\\_pkey'`,
};

/** A query of the database's own tables, which names the schema where there is one. */
const about = ({ dialect }, templates, ...params) => sql(templates[dialect.name], ...(dialect.isPostgres ? [dialect.schema] : []), ...params);

/** Once per host, before anything else: this release must be able to work with these tables, and to write their formats. */
function* ready(kit) {
  if (kit.isReady) return;
  const { version, readableFrom } = yield* found(kit);
  if (version === 0) throw new SchemaError('The tables are missing. Run `rulebound migrate`.');
  if (version < VERSION) throw new SchemaError(old(version));
  checkReadable(version, readableFrom);
  kit.useFormats((yield sql(FORMATS)).rows);
  kit.isReady = true;
}

const old = (version) => `The tables have the version ${version}, and this release needs ${VERSION}. Run \`rulebound migrate\`.`;

/** The version of the tables; 0 if there are none. Tables without it are broken: the error says what to execute. */
function* found(kit) {
  if (!(yield* hasTable(kit, 'rulebound_schema_version'))) {
    if (yield* hasTable(kit, 'rulebound_flows')) throw new BrokenTables(cure(kit.dialect, 'missing', 'CREATE TABLE'));
    return { version: 0, readableFrom: 0 };
  }
  const [row] = (yield sql(VERSIONS)).rows;
  if (row === undefined) throw new BrokenTables(cure(kit.dialect, 'empty', 'CREATE TABLE IF NOT EXISTS'));
  return { version: row[0], readableFrom: row[1] };
}

function* hasTable(kit, name) {
  return (yield about(kit, HAS_TABLE, name)).rows.length > 0;
}

function cure(dialect, what, create) {
  const made = dialect.migrations().flatMap(({ text }) => statements(text)).filter((it) => it.includes('rulebound_schema_version'));
  const text = made.map(oneLine).join('; ').replace('CREATE TABLE', create);
  return `\`rulebound_schema_version\` is ${what}. Restore a backup, or execute: ${text}`;
}

/** The statements of a migration, without comments. */
function statements(text) {
  const lines = text.split('\n').map((line) => line.split('--')[0].trimEnd());
  return lines.join('\n').split(';').map((it) => it.trim()).filter((it) => it !== '');
}

const oneLine = (statement) => statement.replace(/\s+/g, ' ');

function checkReadable(version, readableFrom) {
  if (readableFrom <= VERSION) return;
  const cure = `This release works with the version ${VERSION}: install a newer one.`;
  throw new TooNew(`The tables have the version ${version}, for releases that know the version ${readableFrom}. ${cure}`);
}

/** The SQL that is missing in this database, one text for each version. */
function* missing(kit) {
  const { version, readableFrom } = yield* found(kit);
  checkReadable(version, readableFrom);
  if (version > VERSION) kit.log({ level: 'warn', event: 'tables_newer', version, known: VERSION });
  return kit.dialect.migrations().filter((it) => it.version > version).map(({ text }) => text);
}

/** Creates or completes the tables in one transaction, and returns its SQL. */
function* migrate(kit, raises) {
  if (kit.dialect.isPostgres) yield sql(LOCK);
  const texts = yield* missing(kit);
  for (const text of texts) yield call((tx) => (kit.dialect.isPostgres ? tx.query(text) : void tx.exec(text)));
  yield* writeFormats(kit, raises);
  return texts;
}

/** Says which formats are written: of flows that have none yet, or of all. */
function* writeFormats(kit, raises) {
  const end = raises ? 'UPDATE SET format = excluded.format' : 'NOTHING';
  for (const flow of Object.keys(versions().formats)) yield sql(`${SET_FORMAT} ${end}`, flow, newest(flow));
  kit.useFormats((yield sql(FORMATS)).rows);
}

/** What is not as the migrations made it, each with the SQL that brings it back, and what endangers "never twice". */
function* drift(kit) {
  let version;
  try {
    ({ version } = yield* found(kit));
  } catch (error) {
    if (error instanceof BrokenTables) return [problem(error.message)];
    throw error;
  }
  if (version === 0) return [problem('There are no tables. Run `rulebound migrate`.')];
  const columns = (yield about(kit, COLUMNS)).rows.map((it) => it.join('.'));
  const indexes = (yield about(kit, INDEXES)).rows.map(([name]) => name);
  const have = new Set([...columns, ...columns.map((it) => it.split('.')[0]), ...indexes]);
  const made = kit.dialect.migrations().filter((it) => it.version <= version).flatMap(({ text }) => statements(text));
  const problems = made.flatMap((statement) => gone(statement, have)).map(problem);
  if (version < VERSION) problems.push(problem(old(version)));
  if (kit.dialect.isPostgres) problems.push(...(yield* durability()));
  return problems;
}

const problem = (detail) => ({ problem: 'schema', detail });

/** What a statement of a migration has made and is not there. */
function gone(statement, have) {
  const [, index] = /^CREATE (?:UNIQUE )?INDEX (\w+)/.exec(statement) ?? [];
  if (index !== undefined) return have.has(index) ? [] : [`\`${index}\` is missing. Execute: ${oneLine(statement)}`];
  const [, name, table, body] = /^CREATE TABLE (\S*?(rulebound_\w+)) \(\n(.*)\n\)/s.exec(statement) ?? [];
  if (table === undefined) return [];
  if (!have.has(table)) return [`\`${table}\` is missing. Restore a backup, or execute: ${oneLine(statement)}`];
  const lost = [...body.matchAll(/^ {4}(([a-z_]+) +([a-z]+).*?),?$/gm)].filter(([, , column]) => !have.has(`${table}.${column}`));
  return lost.map(([, definition, column, type]) => {
    return `\`${table}\` has no column \`${column}\`. Restore a backup, or execute: ALTER TABLE ${name} ADD COLUMN ${addable(oneLine(definition), type)}`;
  });
}

/** The definition of a column as it can be added to a table with rows: what must not be null begins as empty. */
function addable(definition, type) {
  const empty = ['bigint', 'integer'].includes(type) ? '0' : "''";
  return definition.endsWith('NOT NULL') ? `${definition} DEFAULT ${empty}` : definition;
}

function* durability() {
  const [[fsync, replica]] = (yield sql("SELECT current_setting('fsync'), pg_is_in_recovery()")).rows;
  const problems = [];
  if (fsync !== 'on') problems.push({ problem: 'database', detail: '`fsync` is off: a crash can lose a lease' });
  if (replica) problems.push({ problem: 'database', detail: 'never work on a replica' });
  return problems;
}

module.exports = { drift, migrate, missing, ready };
