'use strict';

// The journal: one line for each step, by an allow-list. No body, URL, token or customer data is written.

const { createHash } = require('node:crypto');

const { versions } = require('../index.cjs');
const { perCount } = require('./dialect.cjs');

const COLUMNS =
  'flow, key, seq, revision, at, kind, actor, effect, http_status, code, rules, transitions, failure, money, rules_version, digest';
const SEQ = 'coalesce((SELECT max(seq) FROM {p}journal WHERE flow = ? AND key = ?), 0) + ?';
const LINE = `(?, ?, ${SEQ}, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

const EVENT = /^[A-Za-z0-9_.:-]{1,80}$/;

let rules;
const rulesVersion = () => (rules ??= versions().rules);

/** The SHA-256 of a snapshot's text. */
const digest = (text) => createHash('sha256').update(text).digest('hex');

/** A line; what it does not name is null. */
function line(revision, kind, hash, more) {
  const { actor = null, effect = null, http_status = null, code = null, rules = [], transitions = [], failure = null, money = [] } = more;
  return { revision, kind, actor, effect, http_status, code, rules, transitions, failure, money, digest: hash };
}

/** What a fact says in a word: a person's verdict, or the name of a webhook's event. The journal has no other part of a body. */
function codeOf({ type, verdict = null, topic = null, body = null }) {
  if (type !== 'webhook') return verdict;
  const name = topic ?? eventOf(body);
  return typeof name === 'string' && EVENT.test(name) ? name : null;
}

function eventOf(body) {
  try {
    return JSON.parse(typeof body === 'string' ? body : Buffer.from(body).toString())?.event_type;
  } catch {
    return null; // A form says its event in the topic.
  }
}

/** What a step says about itself. */
function describeStep({ ignored, transitions, warnings, failure }) {
  const { kind, http_status, code, pointer, rule } = failure ?? {};
  return {
    ...(ignored && { code: ignored.reason }),
    transitions,
    rules: warnings.map((it) => it.rule),
    failure: failure && { kind, http_status, code, pointer, rule },
  };
}

/** The charges, captures and refunds of a status that the status before did not have, or had in another state. */
function moneyOf(before, after) {
  const intents = news(before.intents, after.intents, ['intent', 'action', 'state', 'cause'], ['amount']);
  return [...intents, ...news(before.refunds ?? [], after.refunds ?? [], ['id', 'provider_status'], ['intent', 'amount'])];
}

function news(before, after, names, more) {
  const isNew = (it) => !before.some((old) => names.every((name) => old[name] === it[name]));
  return after.filter(isNew).map((it) => Object.fromEntries([...names, ...more].map((name) => [name, it[name]])));
}

const insertOf = perCount((count) => `INSERT INTO {p}journal (${COLUMNS}) VALUES ${Array(count).fill(LINE).join(', ')}`);

/** The statement that writes lines under the row's lock, which makes their numbers consecutive. */
function write(flow, key, at, lines) {
  const params = [];
  lines.forEach((it, index) => {
    params.push(flow, key, flow, key, index + 1, it.revision, at, it.kind, it.actor, it.effect, it.http_status, it.code);
    params.push(json(it.rules), json(it.transitions), json(it.failure), json(it.money), rulesVersion(), it.digest);
  });
  return { text: insertOf(lines.length), params };
}

const json = (value) => (value === null || value.length === 0 ? null : JSON.stringify(value));

module.exports = { COLUMNS, codeOf, describeStep, digest, line, moneyOf, write };
