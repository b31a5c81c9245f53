// What a program prints, and what the README says that its first example prints.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export const EXPECTED = readFileSync('readme.txt', 'utf8');

export function printed(program, ...options) {
  return execFileSync(program, options, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

export function ran(...options) {
  return printed(process.execPath, ...options);
}
