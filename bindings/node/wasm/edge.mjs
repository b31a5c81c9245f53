// For Vercel's edge functions, whose bundler imports a module by this suffix.

import module from './rulebound.wasm?module';

import { bind, library } from './library.mjs';

const rulebound = library(bind(module));
