import type * as rulebound from './types/index.mjs';

/** The verbs of a module. */
export interface Verbs {
  readonly numbers: Float64Array;
}

/** An instance of `rulebound.wasm`, however you have compiled it. */
export function bind(module: WebAssembly.Module): Verbs;

/** The library, of an instance's verbs. */
export function library(verbs: Verbs): typeof rulebound;
