// Where no binary can be loaded: browsers and edge workers.

export * from '@rulebound/wasm';
