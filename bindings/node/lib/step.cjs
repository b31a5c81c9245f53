'use strict';

const { inspect } = require('./kinds.cjs');

/** What an accepted command or a fact leads to: plain data, which can be spread, compared and written. */
class Step {
  #transitions;

  /** `answer` leaves out what is empty; an array is the transitions alone. */
  constructor(next, answer) {
    const rest = answer.startsWith('[') ? { transitions: answer } : JSON.parse(answer);
    const { ignored = null, transitions = [], new_ids = [], failure = null, warnings = [] } = rest;
    this.#transitions = transitions;
    this.ok = true;
    this.next = next;
    this.ignored = ignored;
    // Own, so that it is copied and compared like any other; it costs half of what `Object.defineProperty` does.
    this.__defineGetter__('transitions', readTransitions);
    this.new_ids = new_ids;
    this.failure = failure;
    this.warnings = warnings;
  }

  /** Read when they are asked for: few hosts do. */
  static transitions(step) {
    if (typeof step.#transitions === 'string') step.#transitions = JSON.parse(step.#transitions);
    return step.#transitions;
  }

  [inspect]() {
    return { ...this };
  }
}

function readTransitions() {
  return Step.transitions(this);
}

/** An effect that a worker holds alone until its lease ends: plain data, as a step is. */
class Lease {
  /** `answer` is missing where there is neither a request nor a warning. */
  constructor(next, answer) {
    const { request, warnings } = answer === undefined ? { request: null, warnings: [] } : JSON.parse(answer);
    this.ok = true;
    this.next = next;
    this.request = request;
    this.warnings = warnings;
  }

  /** A request's body and URL hold secrets. */
  [inspect]() {
    const { request, ...rest } = this;
    return { ...rest, request: request && `${request.method} ${request.idempotency_key}` };
  }
}

/** Every rule that a command or a lease would break: read when they are asked for, since `ok` is often enough. */
class Rejected {
  #answer;
  #violations;

  constructor(answer) {
    this.ok = false;
    this.#answer = answer;
    this.__defineGetter__('violations', readViolations);
  }

  static violations(rejected) {
    rejected.#violations ??= JSON.parse(rejected.#answer);
    return rejected.#violations;
  }

  /** One line for each broken rule: its code and message, where it is broken, what would unblock it, and the page. */
  get message() {
    return this.violations.map(line).join('\n');
  }

  toString() {
    return this.message;
  }

  [inspect]() {
    return { ...this };
  }
}

/** One broken rule, as a line. */
function line({ rule, message, pointer, unblocked_by, instead, source }) {
  const parts = [`${rule}: ${message}`];
  if (pointer !== '') parts.push(`At \`${pointer}\`.`);
  if (unblocked_by !== null) parts.push(`Unblocked by ${unblocking(unblocked_by)}.`);
  if (instead.length > 0) parts.push(`Instead: \`${instead.join('`, then `')}\`.`);
  if (source !== null) parts.push(`See https://${source.page}.`);
  return parts.join(' ');
}

function unblocking({ type, signal, at, effect, action, flow }) {
  if (type === 'signal') return `the signal \`${signal}\``;
  if (type === 'time') return `the time ${new Date(at).toISOString()}`;
  if (type === 'reply') return `the reply to \`${effect}\``;
  return `the action \`${action}\`${flow === null ? '' : ` of \`${flow}\``}`;
}

function readViolations() {
  return Rejected.violations(this);
}

module.exports = { Lease, Rejected, Step };
