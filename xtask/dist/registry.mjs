// A registry of npm on this machine: the packages that `cargo xtask dist` has packed, and nothing else.
// Usage: node registry.mjs FOLDER. Each package is FOLDER/NAME with its manifest, and FOLDER/NAME.tgz.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

const folder = process.argv[2];

const server = createServer((request, response) => {
  const { host } = request.headers;
  const [, name, file] = /^\/@rulebound(?:\/|%2f)([a-z0-9-]+)(\.tgz)?$/i.exec(request.url) ?? [];
  const archive = join(folder, `${name}.tgz`);
  if (name === undefined || !existsSync(archive)) return response.writeHead(404).end('{"error":"not found"}');
  const bytes = readFileSync(archive);
  if (file) return response.end(bytes);
  const manifest = JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8'));
  const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
  const dist = { tarball: `http://${host}/@rulebound/${name}.tgz`, integrity };
  const { version } = manifest;
  const all = { name: manifest.name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } } };
  response.setHeader('content-type', 'application/json').end(JSON.stringify(all));
});

server.listen(0, '127.0.0.1', () => console.log(server.address().port));
