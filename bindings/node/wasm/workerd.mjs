// For Cloudflare's workers, which compile no module while they run: their bundler imports it.

import module from './rulebound.wasm';

import { bind, library } from './library.mjs';

const rulebound = library(bind(module));
