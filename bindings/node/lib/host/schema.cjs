'use strict';

// The tables: made by `migrate`, checked before the first statement, and compared by `doctor`.

const { versions } = require('../index.cjs');
const { VERSION, call, sql } = require('./dialect.cjs');
const { SchemaError, TooNew } = require('./errors.cjs');
const { newest } = require('./kit.cjs');

const VERSIONS = 'SELECT version, readable_from FROM {p}schema_version ORDER BY version DESC LIMIT 1';
const FORMATS = 'SELECT flow, format FROM {p}formats';
const SET_FORMAT = 'INSERT INTO {p}formats (flow, format) VALUES (?, ?) ON CONFLICT (flow) DO';
/** Two programs that start at once make the tables one after the other. The kits have the same lock. */
const LOCK = "SELECT pg_advisory_xact_lock(hashtext('rulebound.migrate'))";
const HAS_TABLES = {
  sqlite: "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'rulebound_schema_version'",
  postgres: "SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = 'rulebound_schema_version'",
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
const about = ({ dialect }, templates) => sql(templates[dialect.name], ...(dialect.isPostgres ? [dialect.schema] : []));

/** Once per host, before anything else: this release must be able to work with these tables, and to write their formats. */
function* ready(kit) {
  if (kit.isReady) return;
  const [[version, readableFrom] = []] = (yield sql(VERSIONS)).rows;
  if (version === undefined || version < VERSION) {
    throw new SchemaError(`The tables have the version ${version}, and this release needs ${VERSION}. Run \`rulebound migrate\`.`);
  }
  checkReadable(version, readableFrom);
  kit.useFormats((yield sql(FORMATS)).rows);
  kit.isReady = true;
}

function checkReadable(version, readableFrom) {
  if (readableFrom <= VERSION) return;
  const cure = `This release works with the version ${VERSION}: install a newer one.`;
  throw new TooNew(`The tables have the version ${version}, for releases that know the version ${readableFrom}. ${cure}`);
}

/** The SQL that is missing in this database, one text for each version. */
function* missing(kit) {
  const hasTables = (yield about(kit, HAS_TABLES)).rows.length > 0;
  const [[version, readableFrom] = [0, 0]] = hasTables ? (yield sql(VERSIONS)).rows : [];
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

/** What the migrations declare, as `table.column` and index names. */
function declared(dialect) {
  const names = new Set();
  for (const { text } of dialect.migrations()) {
    for (const [, table, body] of text.matchAll(/CREATE TABLE (?:\S+\.)?(rulebound_\w+) \(\n(.*?)\n\)/gs)) {
      for (const [, column] of body.matchAll(/^ {4}([a-z_]+) +(?:text|bigint|integer|bytea|blob)/gm)) names.add(`${table}.${column}`);
    }
    for (const [, index] of text.matchAll(/CREATE (?:UNIQUE )?INDEX (\w+)/g)) names.add(index);
  }
  return names;
}

function missed(name) {
  const cure = 'Make it again as `migrate --dry-run` prints it for an empty database, or restore a backup.';
  return { problem: 'schema', detail: `\`${name}\` is missing. ${cure}` };
}

/** What is not as the migrations made it, and what endangers "never twice". */
function* drift(kit) {
  if ((yield about(kit, HAS_TABLES)).rows.length === 0) return [{ problem: 'schema', detail: 'There are no tables. Run `rulebound migrate`.' }];
  const columns = (yield about(kit, COLUMNS)).rows.map((it) => it.join('.'));
  const indexes = (yield about(kit, INDEXES)).rows.map(([name]) => name);
  const [expected, found] = [declared(kit.dialect), new Set([...columns, ...indexes])];
  const problems = [...expected].filter((name) => !found.has(name)).map(missed);
  problems.push(...[...found].filter((name) => !expected.has(name)).map((detail) => ({ problem: 'unknown', detail })));
  const [[version]] = (yield sql(VERSIONS)).rows;
  if (version < VERSION) problems.push({ problem: 'schema', detail: `The tables have the version ${version}, and this release needs ${VERSION}. Run \`rulebound migrate\`.` });
  if (kit.dialect.isPostgres) problems.push(...(yield* durability()));
  return problems;
}

function* durability() {
  const [[fsync, replica]] = (yield sql("SELECT current_setting('fsync'), pg_is_in_recovery()")).rows;
  const problems = [];
  if (fsync !== 'on') problems.push({ problem: 'database', detail: '`fsync` is off: a crash can lose a lease' });
  if (replica) problems.push({ problem: 'database', detail: 'never work on a replica' });
  return problems;
}

module.exports = { drift, migrate, missing, ready };
