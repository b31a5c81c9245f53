// What the tests need of the package beyond what it exports.

import { createRequire } from 'node:module';
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);
const folder = realpathSync(dirname(require.resolve('rulebound/package.json')));

export const root = join(folder, '..', '..');
export const { NewerFormat } = require(join(folder, 'lib/host/errors.cjs'));
export { Host, HostError, NoReview, NotSent, Pending, Rejected, Retry, UnknownRow } from 'rulebound/host';
