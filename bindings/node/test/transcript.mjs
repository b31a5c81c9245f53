// Reads one scene a line, plays its steps through the package, and writes for each step what came of it and how the
// flow then stands: the lines that every language must write alike.

import { once } from 'node:events';
import { createInterface } from 'node:readline';

import * as rulebound from '../lib/index.mjs';

const flows = new Map(Object.values(rulebound).flatMap(Object.values).map((flow) => [flow.flow, flow]));

for await (const line of createInterface({ input: process.stdin })) {
  const lines = play(JSON.parse(line)).map((it) => `${JSON.stringify(it)}\n`);
  if (!process.stdout.write(lines.join(''))) await once(process.stdout, 'drain');
}

function play({ flow, key, steps, ...always }) {
  let at = flows.get(flow).start(key);
  return steps.flatMap(({ now, command, fact, ...own }) => {
    const { policy, settings } = { ...always, ...own };
    // As a number, a time of 1970 would be taken for seconds.
    const around = { now: now >= 1e9 && now < 1e11 ? new Date(now) : now, policy, settings };
    const said = spoken(() => step(at, command, fact, around));
    at = said?.next ?? at;
    return [said, spoken(() => views(at, around))];
  });
}

function step(at, command, fact, around) {
  if (command !== undefined) {
    const asked = at.handle(command, around);
    return asked.ok ? parts(asked) : { violations: asked.violations };
  }
  if (fact === undefined) return null;
  const seen = at.observe(fact, around);
  if (seen.applied) return { applied: true, ...parts(seen) };
  return { applied: false, unmoved: seen.because, warnings: seen.warnings };
}

function parts({ next, changed, take, learnt, failure, warnings }) {
  return { next, changed, take, learnt, failure, warnings };
}

function views(at, around) {
  return [at.owed(around), at.awaits(around), at.offers(around), at.deadline(around), at.correlationIds()];
}

function spoken(say) {
  try {
    return say();
  } catch (error) {
    if (!(error instanceof rulebound.RuleboundError)) throw error;
    const { code, field, reason } = error;
    return { code, field, message: reason };
  }
}
