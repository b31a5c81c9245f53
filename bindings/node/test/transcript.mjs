// Reads one script a line, plays its steps through the package, and writes two lines for each step: its result, and the
// views after it. Every language must write the same lines. An argument names another library than the one of this folder.

import { once } from 'node:events';
import { createInterface } from 'node:readline';

const rulebound = await import(process.argv[2] ?? '../lib/index.mjs');
const flows = new Map(Object.values(rulebound).flatMap(Object.values).map((flow) => [flow.flow, flow]));

for await (const line of createInterface({ input: process.stdin })) {
  const lines = play(JSON.parse(line)).map((it) => `${JSON.stringify(it)}\n`);
  if (!process.stdout.write(lines.join(''))) await once(process.stdout, 'drain');
}

function play({ flow, key, steps, ...always }) {
  let snapshot = flows.get(flow).start(key);
  return steps.flatMap((step) => {
    const { now, config } = { ...always, ...step };
    const context = { now, config };
    const result = written(() => done(snapshot, step, context));
    snapshot = result?.next ?? snapshot;
    return [result, written(() => views(snapshot, context))];
  });
}

/** What a step leads to, without the `ok` that the call protocol has elsewhere. */
function done(snapshot, { command, lease, fact }, context) {
  if (command !== undefined) return bare(snapshot.handle(command, context));
  if (lease !== undefined) return bare(snapshot.lease(lease, context));
  if (fact !== undefined) return bare(snapshot.observe(fact, context));
  return null;
}

function bare({ ok, ...rest }) {
  return rest;
}

function views(snapshot, context) {
  const all = [snapshot.status(context), snapshot.effects(context), snapshot.waitingFor(context)];
  return [...all, snapshot.actions(context), snapshot.wakeAt(context), snapshot.ids()];
}

function written(run) {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof rulebound.RuleboundError)) throw error;
    const { code, pointer, reason } = error;
    return { code, pointer, message: reason };
  }
}
