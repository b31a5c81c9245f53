// For browsers, with or without a bundler: the module is fetched from beside this file.

import { bind, library } from './library.mjs';

const url = new URL('./rulebound.wasm', import.meta.url);

async function compiled() {
  const response = await fetch(url);
  if (!response.ok) {
    throw new Error(`rulebound: ${url} is answered with ${response.status}. Copy \`rulebound.wasm\` of @rulebound/wasm beside the script.`);
  }
  return WebAssembly.compile(await response.arrayBuffer());
}

const rulebound = library(bind(await compiled()));
