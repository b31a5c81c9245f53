'use strict';

// Statements and scripts. A script is a generator: it yields statements, gets their results as `{ rows, count }`, and
// returns what was decided. It is the only source of a transaction. A database runs it: SQLite at once, PostgreSQL awaiting.

const { readFileSync, readdirSync } = require('node:fs');
const { join } = require('node:path');

/** The newest schema version that this kit knows. */
const VERSION = 1;
const FILES = join(__dirname, '..', '..', 'host');

/** A template with `?` for each parameter, `{p}` before each table, and what the dialect replaces. */
const sql = (text, ...params) => ({ text, params });
/** Writes that do not depend on one another: one message to PostgreSQL. */
const batch = (statements) => ({ statements });
/** The caller's code within the transaction. */
const call = (run) => ({ run });

/** A template that is made once for each number of rows: most statements write one or two. */
function perCount(make) {
  const made = new Map();
  return (count) => {
    let found = made.get(count);
    if (found === undefined) made.set(count, (found = make(count)));
    return found;
  };
}

/** How one database spells what the templates leave open. */
class Dialect {
  #compiled = new Map();

  /** With `ownClock`, the time is PostgreSQL's, so that workers on several machines agree about it. */
  constructor(name, schema = 'public', ownClock = false) {
    this.name = name;
    this.schema = schema;
    this.ownClock = ownClock;
    const isPostgres = name === 'postgres';
    const time = (clock) => `(extract(epoch FROM ${clock}()) * 1000)::bigint`;
    this.isPostgres = isPostgres;
    this.prefix = isPostgres ? `"${schema.replaceAll('"', '""')}".rulebound_` : 'rulebound_';
    this.words = {
      p: this.prefix,
      now: ownClock ? time('clock_timestamp') : 'NULL',
      // An index can be used only with a function that is stable within the statement.
      due: ownClock ? `coalesce(?::bigint, ${time('statement_timestamp')})` : isPostgres ? '?::bigint' : '?',
      lock: isPostgres ? 'FOR UPDATE' : '',
      skip: isPostgres ? 'FOR UPDATE SKIP LOCKED' : '',
      any: isPostgres ? '= ANY(?)' : 'IN (SELECT value FROM json_each(?))',
    };
  }

  /** The template as the driver takes it: with `?`, or with `$1`. */
  compile(template) {
    let found = this.#compiled.get(template);
    if (found === undefined) {
      found = template.replace(/\{(\w+)\}/g, (_, word) => this.words[word]);
      if (this.isPostgres) found = numbered(found, 0);
      this.#compiled.set(template, found);
    }
    return found;
  }

  /** Several writes as one statement of PostgreSQL, whose row has how many rows each has written. */
  combine(statements) {
    const template = statements.map(({ text }) => text).join('\u0000');
    let found = this.#compiled.get(template);
    if (found === undefined) {
      const parts = statements.map(({ text }, index) => `w${index} AS (${text} RETURNING 1)`);
      const counts = statements.map((_, index) => `(SELECT count(*) FROM w${index})`);
      const whole = `WITH ${parts.join(', ')} SELECT ${counts.join(', ')}`;
      found = numbered(whole.replace(/\{(\w+)\}/g, (_, word) => this.words[word]), 0);
      this.#compiled.set(template, found);
    }
    return found;
  }

  array(texts) {
    return this.isPostgres ? texts : JSON.stringify(texts);
  }

  /** The SQL that makes the tables of each schema version. */
  migrations() {
    const folder = join(FILES, 'sql', this.name);
    const names = readdirSync(folder).filter((name) => /^\d{4}_.*\.sql$/.test(name)).sort();
    const schema = this.prefix.replace(/\.rulebound_$/, '');
    return names.map((name) => {
      const text = readFileSync(join(folder, name), 'utf8').replaceAll('{schema}', schema);
      return { version: Number(name.slice(0, 4)), text };
    });
  }
}

function numbered(text, from) {
  let number = from;
  return text.replaceAll('?', () => `$${(number += 1)}`);
}

module.exports = { Dialect, FILES, VERSION, batch, call, perCount, sql };
