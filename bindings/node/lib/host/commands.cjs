'use strict';

// What the shop's own code does with a row: a command, a return of the customer, a person's verdict, an adoption.

const { RuleboundError, facts } = require('../index.cjs');
const { checkOptions, checkTexts } = require('./checks.cjs');
const { sql } = require('./dialect.cjs');
const { HostError, NoReview, Pending, Rejected, RowError, UnknownRow } = require('./errors.cjs');
const inbox = require('./inbox.cjs');
const journal = require('./journal.cjs');
const { accountOf, flowClass, providerOf } = require('./kit.cjs');
const pauses = require('./pauses.cjs');
const { shown } = require('./row.cjs');
const { LOCK, lock, save, visit } = require('./visit.cjs');

const IMPORT = ['flow', 'key', 'command', 'account', 'reference'];
const INSERT = `INSERT INTO {p}flows (flow, key, account, reference, revision, snapshot, reviews, failing, tries, created_at, updated_at)
  VALUES (?, ?, ?, ?, 0, ?, 0, 0, 0, {due}, {due}) ON CONFLICT DO NOTHING`;
const DELETE = 'DELETE FROM {p}flows WHERE flow = ? AND key = ?';
const DELETE_IDS = 'DELETE FROM {p}ids WHERE flow = ? AND key = ?';
const DELETE_LINES = 'DELETE FROM {p}journal WHERE flow = ? AND key = ?';
const ENTRIES = `SELECT DISTINCT e.id, e.deliveries FROM {p}inbox e JOIN {p}inbox_ids n ON n.inbox = e.id
  JOIN {p}ids i ON i.provider = n.provider AND i.id = n.id WHERE i.flow = ? AND i.key = ?`;
const OWNER = 'SELECT key FROM {p}ids WHERE provider = ? AND id = ? AND flow = ? AND key <> ? LIMIT 1';
/** Two rows that adopt one object at once would not see each other's ids. The kits have the same lock, which ends with the transaction. */
const ADOPT = "SELECT pg_advisory_xact_lock(hashtext('rulebound.adopt'), hashtext(it)) FROM unnest(?::text[]) AS it";
const RETRY = 'UPDATE {p}flows SET tries = 0, last_error = NULL, wake_at = ? WHERE flow = ? AND key = ?';
const REFERENCE = 'UPDATE {p}flows SET reference = ? WHERE flow = ? AND key = ?';

/** Makes and locks the row, and decides. A rejection is returned; it is written to the journal only if `keepsRejections`. */
function* handle(kit, flow, key, command, { actor = null, reference = null, account = null }, keepsRejections, wakeAt) {
  const { locked, isNew } = yield* opened(kit, flow, key, account, reference);
  let step;
  try {
    step = locked.snapshot.handle(command, locked.context());
  } catch (error) {
    if (isNew) yield sql(DELETE, flow, key); // The caller may commit.
    return { error };
  }
  const { type } = command;
  if (!step.ok) {
    const rules = step.violations.map(({ rule }) => rule);
    kit.log({ level: 'info', event: 'rejected', flow, key, command: type, actor, rules });
    const line = journal.line(locked.snapshot.revision, 'rejected', journal.digest(locked.text), { actor, code: type, rules });
    if (isNew) yield sql(DELETE, flow, key);
    if (keepsRejections) yield journal.write(flow, key, locked.now, [line]);
    return { error: new Rejected(step) };
  }
  locked.takeStep(step, 'command', { actor, ...journal.describeStep(step), code: type });
  locked.tell(step);
  const owner = yield* claim(locked);
  if (owner !== null) {
    if (isNew) yield sql(DELETE, flow, key);
    return { error: new HostError(`command: ${flow} ${key} names \`${owner.id}\`, which the row \`${owner.key}\` has. Use that row.`) };
  }
  if (!isNew && reference !== null && reference !== locked.record[3]) {
    yield sql(REFERENCE, reference, flow, key);
    locked.record = Object.assign([...locked.record], { 3: reference });
  }
  yield* save(locked, wakeAt);
  return { row: locked.row() };
}

/** Takes the ids that the command names: webhooks with them are this row's. Gives another row of this flow that has one: both would act on it. */
function* claim(locked) {
  const known = locked.allIds();
  const claimed = locked.snapshot.ids().map(({ id }) => id).filter((id) => !known.includes(id)).sort();
  if (claimed.length > 0 && locked.kit.dialect.isPostgres) yield sql(ADOPT, claimed.map((id) => `${locked.provider} ${id}`));
  for (const id of claimed) {
    const { rows } = yield sql(OWNER, locked.provider, id, locked.flow, locked.key);
    if (rows.length > 0) return { id, key: rows[0][0] };
  }
  locked.learn(claimed);
  return null;
}

function* opened(kit, flow, key, account, reference) {
  if (key === undefined || key === null || key === '') throw new HostError('key: is missing. Derive it from your order, so that a double click is one flow.');
  if (typeof key !== 'string') throw new HostError(`key: is a ${typeof key}, and must be a text. Derive it from your order, so that a double click is one flow.`);
  if (account !== null) kit.config(flow, account);
  const start = kit.save(flowClass(flow).start(key));
  const inserted = yield sql(INSERT, flow, key, account ?? '', reference, start, kit.due(), kit.due());
  let locked;
  try {
    locked = yield* lock(kit, flow, key);
  } catch (error) {
    if (!(error instanceof RowError)) throw error;
    if (inserted.count === 1) yield sql(DELETE, flow, key); // The caller may commit.
    throw error.cause;
  }
  if (locked === null) throw new HostError(`${flow} ${key}: the row was deleted meanwhile. Try again.`);
  if (account !== null && account !== locked.account) {
    const fixed = accountOf(locked.provider, locked.account);
    throw new HostError(`account: the ${fixed} was fixed by the first command, and not \`${account}\`. Leave it out.`);
  }
  const isNew = inserted.count === 1;
  // Its key is an id too: a webhook may name nothing else.
  if (isNew) [locked.newIds, locked.ids, locked.hasUnreadIds] = [locked.ids, [], true];
  return { locked, isNew };
}

/** A fact that does not come from a worker. */
function* observe(kit, flow, key, fact, actor) {
  const locked = yield* visit(kit, flow, key, fact, { actor });
  if (locked === null) throw new UnknownRow(flow, key);
  return locked.row();
}

/** A person's verdict, if the row has this question now. */
function* answer(kit, flow, key, review, verdict, id, actor) {
  const locked = yield* lock(kit, flow, key);
  if (locked === null) throw new UnknownRow(flow, key);
  const asked = locked.effects().find((it) => it.type === 'review' && it.id === review);
  if (asked === undefined) throw new NoReview('review', `The row has no open review \`${review}\`. Read \`effects()\` again.`);
  const choice = asked.verdicts.find((it) => it.verdict === verdict);
  const verdicts = asked.verdicts.map((it) => it.verdict).join(', ');
  if (choice === undefined) throw new NoReview('verdict', `\`${verdict}\` is no verdict of this review. Use ${verdicts}.`);
  if (choice.needs_id && !id) throw new NoReview('id', `The verdict \`${verdict}\` needs the id of a ${choice.needs_id}.`);
  if (!choice.takes_id && id) throw new NoReview('id', `The verdict \`${verdict}\` takes no id. Leave \`id\` out.`);
  return yield* observe(kit, flow, key, facts.reviewed(review, verdict, id), actor);
}

/** Makes a row due again, also if it cannot be loaded, and ends the pause of its account; null if there is none. */
function* retry(kit, flow, key, actor) {
  const [record] = (yield sql(LOCK, flow, key)).rows;
  if (record === undefined) return null;
  const now = kit.now(record[13]);
  yield sql(RETRY, now, flow, key);
  yield* pauses.end(providerOf(flow), record[2]);
  yield journal.write(flow, key, now, [journal.line(record[4], 'retry', journal.digest(record[5]), { actor })]);
  return { ...shown(record), tries: 0, last_error: null, wake_at: now };
}

/** Deletes a row and all that belongs to it. */
function* forget(kit, flow, key) {
  const locked = yield* lock(kit, flow, key);
  if (locked === null) throw new UnknownRow(flow, key);
  const waits = locked.decide(() => locked.snapshot.waitingFor(locked.context()));
  const pending = [...locked.effects().map(({ id }) => id), ...waits.map(({ signal }) => signal)];
  if (pending.length > 0) throw new Pending(`${flow} ${key}: ${pending.join(', ')} is pending. Forget it when nothing is.`);
  for (const [entry, deliveries] of (yield sql(ENTRIES, flow, key)).rows) {
    const { rows } = yield sql(inbox.ROWS, entry);
    if (rows.every(([ofFlow, ofKey]) => ofFlow === flow && ofKey === key)) yield* inbox.erase(entry, deliveries);
  }
  yield sql(DELETE_IDS, flow, key);
  yield sql(DELETE_LINES, flow, key);
  yield sql(DELETE, flow, key);
}

/** Refuses what is no row of an import, and what would begin something new. */
function checkImport(number, row) {
  const where = `import: rows/${number}`;
  if (typeof row !== 'object' || row === null || Array.isArray(row)) throw new HostError(`${where}: is no object. Write \`{ flow, key, command }\`.`);
  checkOptions(where, row, IMPORT);
  const { flow, key, command, account, reference } = row;
  if (typeof key !== 'string') throw new HostError(`${where}/key: is no text. Give your own record's key, such as a UUID.`);
  if (typeof command !== 'object' || command === null) {
    throw new HostError(`${where}/command: is no object. Give a lookup, such as \`truemed.retrievePaymentToken({ … })\`.`);
  }
  if (!String(command.type).startsWith('retrieve_')) {
    throw new HostError(`${where}/command: \`${command.type}\` is no lookup, and would begin something new. Use a command that retrieves.`);
  }
  try {
    checkTexts(where, { account, reference });
    flowClass(flow).start(key);
  } catch (error) {
    if (error instanceof RuleboundError) throw new HostError(`${where}/key: ${error.message}. Give your own record's key, such as a UUID.`);
    throw error.message.startsWith(where) ? error : new HostError(`${where}/${error.message}`);
  }
}

/** Adopts a batch of rows; those that are there already stay as they are. Returns how many are new. */
function* adopt(kit, rows, wakeOf) {
  let count = 0;
  for (const { flow, key, command, account = null, reference = null } of rows) {
    const { flow: id } = flowClass(flow);
    if ((yield sql('SELECT 1 FROM {p}flows WHERE flow = ? AND key = ?', id, key)).rows.length > 0) continue;
    const { error } = yield* handle(kit, id, key, command, { actor: 'import', reference, account }, true, wakeOf(count));
    if (error !== undefined) throw error;
    count += 1;
  }
  return count;
}

module.exports = { adopt, answer, checkImport, forget, handle, observe, retry };
