// A fresh database for each test: SQLite in a file, and PostgreSQL in a schema of its own.

import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import Database from 'better-sqlite3';
import pg from 'pg';

import { Host } from './kit.mjs';

const TABLES = ['flows', 'ids', 'inbox', 'inbox_ids', 'journal', 'pauses'];
export const POSTGRES = process.env.RULEBOUND_TEST_POSTGRES;

/** Why PostgreSQL is not tested, or false. */
export const withoutPostgres = POSTGRES ? false : 'RULEBOUND_TEST_POSTGRES is not set';

class Sqlite {
  name = 'sqlite';
  options = {};

  constructor(file) {
    this.given = `sqlite:///${file}`;
    this.db = new Database(file);
  }

  handler(record, result) {
    return (effect, _row, tx) => {
      record(effect);
      tx.prepare('INSERT INTO handled VALUES (?)').run(effect.id);
      result();
    };
  }

  async within(host, end, work) {
    let value;
    await host.transaction((tx) => {
      const [row, error] = attempted(() => work(tx));
      value = [row, error];
      if (end === 'rollback' && !error) throw new Rollback();
    }).catch(ignoreRollback);
    if (value[1]) throw value[1];
    return value[0];
  }

  async row(flow, key) {
    return this.db.prepare('SELECT * FROM rulebound_flows WHERE flow = ? AND key = ?').get(flow, key);
  }

  async change(flow, key, text, now) {
    const { snapshot } = await this.row(flow, key);
    this.db.prepare('UPDATE rulebound_flows SET snapshot = ?, wake_at = ? WHERE flow = ? AND key = ?').run(text(snapshot), now, flow, key);
  }

  async unread() {
    this.db.exec('DELETE FROM rulebound_inbox_ids; UPDATE rulebound_inbox SET wake_at = NULL');
  }

  async count(name) {
    return this.db.prepare(`SELECT count(*) AS n FROM ${name === 'handled' ? name : `rulebound_${name}`}`).get().n;
  }

  async lines(flow, key) {
    return this.db.prepare('SELECT kind, actor, code, http_status, money FROM rulebound_journal WHERE flow = ? AND key = ? ORDER BY seq').all(flow, key);
  }

  async remove(flow, key, seq) {
    this.db.prepare('DELETE FROM rulebound_journal WHERE flow = ? AND key = ? AND seq = ?').run(flow, key, seq);
  }

  async close() {
    this.db.close();
  }
}

class Postgres {
  name = 'postgres';

  constructor(pool, schema) {
    this.given = pool;
    this.schema = schema;
    this.options = { schema };
  }

  async query(text, ...values) {
    return (await this.given.query(text.replaceAll('{p}', `"${this.schema}".`), values)).rows;
  }

  handler(record, result) {
    return async (effect, _row, tx) => {
      record(effect);
      await tx.query(`INSERT INTO "${this.schema}".handled VALUES ($1)`, [effect.id]);
      result();
    };
  }

  async within(host, end, work) {
    let value;
    await host.transaction(async (tx) => {
      value = await work(tx).then((row) => [row], (error) => [null, error]);
      if (end === 'rollback' && !value[1]) throw new Rollback();
    }).catch(ignoreRollback);
    if (value[1]) throw value[1];
    return value[0];
  }

  async row(flow, key) {
    const [row] = await this.query('SELECT * FROM {p}rulebound_flows WHERE flow = $1 AND key = $2', flow, key);
    const numbers = ['revision', 'wake_at', 'created_at', 'updated_at'].map((name) => [name, row[name] === null ? null : Number(row[name])]);
    return { ...row, ...Object.fromEntries(numbers) };
  }

  async change(flow, key, text, now) {
    const { snapshot } = await this.row(flow, key);
    await this.query('UPDATE {p}rulebound_flows SET snapshot = $1, wake_at = $2 WHERE flow = $3 AND key = $4', text(snapshot), now, flow, key);
  }

  async unread() {
    await this.query('DELETE FROM {p}rulebound_inbox_ids');
    await this.query('UPDATE {p}rulebound_inbox SET wake_at = NULL');
  }

  async count(name) {
    const [{ count }] = await this.query(`SELECT count(*) FROM {p}${name === 'handled' ? name : `rulebound_${name}`}`);
    return Number(count);
  }

  async lines(flow, key) {
    return this.query('SELECT kind, actor, code, http_status, money FROM {p}rulebound_journal WHERE flow = $1 AND key = $2 ORDER BY seq', flow, key);
  }

  async remove(flow, key, seq) {
    await this.query('DELETE FROM {p}rulebound_journal WHERE flow = $1 AND key = $2 AND seq = $3', flow, key, seq);
  }

  async empty() {
    await this.query(`TRUNCATE ${[...TABLES.map((name) => `{p}rulebound_${name}`), '{p}handled'].join(', ')}`);
  }

  async close() {
    await this.query(`DROP SCHEMA {p} CASCADE`.replace('{p}', `"${this.schema}"`));
    await this.given.end();
  }
}

class Rollback extends Error {}

function ignoreRollback(error) {
  if (!(error instanceof Rollback)) throw error;
}

function attempted(act) {
  try {
    return [act()];
  } catch (error) {
    return [null, error];
  }
}

/** Makes empty SQLite databases, each a copy of one. */
export async function sqlites() {
  const folder = mkdtempSync(join(tmpdir(), 'rulebound-'));
  const template = join(folder, 'template.db');
  const host = new Host(`sqlite:///${template}`, {});
  await host.migrate();
  await host.close();
  const db = new Database(template);
  db.exec('CREATE TABLE handled (id text)');
  db.close();
  let number = 0;
  return {
    folder,
    next() {
      const file = join(folder, `${(number += 1)}.db`);
      copyFileSync(template, file);
      return new Sqlite(file);
    },
    close: () => rmSync(folder, { recursive: true }),
  };
}

/** A schema of PostgreSQL with the tables. */
export async function postgres(max = 10) {
  const schema = `rulebound_${randomBytes(6).toString('hex')}`;
  const pool = new pg.Pool({ connectionString: POSTGRES, max });
  await pool.query(`CREATE SCHEMA "${schema}"`);
  const host = new Host(pool, {}, { schema });
  await host.migrate();
  await pool.query(`CREATE TABLE "${schema}".handled (id text)`);
  return new Postgres(pool, schema);
}
