'use strict';

const { inspect } = require('node:util');

/** What an accepted command or an applied fact leads to: plain data, which can be spread, compared and written. */
class Transition {
  /** A request's body and URL hold what is secret. */
  [inspect.custom]() {
    const { take, ...rest } = this;
    return { ...rest, take: take && `${take.method} ${take.idempotency_key}` };
  }
}

class Accepted extends Transition {
  constructor(next, answer) {
    super();
    this.ok = true;
    lead(this, next, answer);
  }
}

class Applied extends Transition {
  constructor(next, answer) {
    super();
    this.applied = true;
    lead(this, next, answer);
  }
}

/** Says what a step led to; what is empty, the answer leaves out. */
function lead(step, next, answer) {
  const said = answer === undefined ? {} : JSON.parse(answer);
  const { changed = true, take = null, learnt = [], failure = null, warnings = [] } = said;
  step.next = next;
  step.changed = changed;
  step.take = take;
  step.learnt = learnt;
  step.failure = failure;
  step.warnings = warnings;
}

/** Every rule that a command would break: read when they are asked for, since `ok` is often enough. */
class Refused {
  #answer;
  #violations;

  constructor(answer) {
    this.ok = false;
    this.#answer = answer;
    // Own, so that it is copied and compared like any other; it costs half of what `Object.defineProperty` does.
    this.__defineGetter__('violations', violations);
  }

  static violations(step) {
    step.#violations ??= JSON.parse(step.#answer);
    return step.#violations;
  }

  [inspect.custom]() {
    return { ...this };
  }
}

function violations() {
  return Refused.violations(this);
}

/** Why a fact moved nothing. */
class Unmoved {
  constructor(answer) {
    const { because, warnings } = JSON.parse(answer);
    this.applied = false;
    this.because = because;
    this.warnings = warnings;
  }
}

module.exports = { Accepted, Applied, Refused, Unmoved };
