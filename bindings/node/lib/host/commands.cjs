'use strict';

// What the shop's own code does with a row: a command, a return of the customer, a person's verdict, an adoption.

const { facts } = require('../index.cjs');
const { sql } = require('./dialect.cjs');
const { HostError, NoReview, Pending, Rejected, RowError, UnknownRow } = require('./errors.cjs');
const inbox = require('./inbox.cjs');
const journal = require('./journal.cjs');
const { flowClass } = require('./kit.cjs');
const { lock, save, visit } = require('./visit.cjs');

const INSERT = `INSERT INTO {p}flows (flow, key, account, reference, revision, snapshot, reviews, failing, tries, created_at, updated_at)
  VALUES (?, ?, ?, ?, 0, ?, 0, 0, 0, {due}, {due}) ON CONFLICT DO NOTHING`;
const DELETE = 'DELETE FROM {p}flows WHERE flow = ? AND key = ?';
const DELETE_IDS = 'DELETE FROM {p}ids WHERE flow = ? AND key = ?';
const DELETE_LINES = 'DELETE FROM {p}journal WHERE flow = ? AND key = ?';
const ENTRIES = `SELECT DISTINCT e.id, e.deliveries FROM {p}inbox e JOIN {p}inbox_ids n ON n.inbox = e.id
  JOIN {p}ids i ON i.provider = n.provider AND i.id = n.id WHERE i.flow = ? AND i.key = ?`;
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
    kit.log({ level: 'info', event: 'rejected', flow, key, command: type, rules });
    const line = journal.line(locked.snapshot.revision, 'rejected', journal.digest(locked.text), { actor, code: type, rules });
    if (isNew) yield sql(DELETE, flow, key);
    if (keepsRejections) yield journal.write(flow, key, locked.now, [line]);
    return { error: new Rejected(step) };
  }
  locked.take(step, 'command', { actor, ...journal.describeStep(step), code: type });
  locked.tell(step);
  if (!isNew && reference !== null && reference !== locked.record[3]) {
    yield sql(REFERENCE, reference, flow, key);
    locked.record = Object.assign([...locked.record], { 3: reference });
  }
  yield* save(locked, wakeAt);
  return { row: locked.row() };
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
    throw new HostError(`account: \`${locked.account}\` was fixed by the first command, and not \`${account}\`. Leave it out.`);
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

/** Adopts a batch of rows; those that are there already stay as they are. Returns how many are new. */
function* adopt(kit, rows, wakeOf) {
  let count = 0;
  for (const { key, command } of rows) {
    if (String(command?.type).startsWith('retrieve_')) continue;
    throw new HostError(`import: ${key}: \`${command?.type}\` is no lookup, and would begin something new. Use a command that retrieves.`);
  }
  for (const { flow, key, command, account = null, reference = null } of rows) {
    const { flow: id } = flowClass(flow);
    if ((yield sql('SELECT 1 FROM {p}flows WHERE flow = ? AND key = ?', id, key)).rows.length > 0) continue;
    const { error } = yield* handle(kit, id, key, command, { actor: 'import', reference, account }, true, wakeOf(count));
    if (error !== undefined) throw error;
    count += 1;
  }
  return count;
}

module.exports = { adopt, answer, forget, handle, observe };
