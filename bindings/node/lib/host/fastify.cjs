'use strict';

// The webhooks' routes and the dashboard as a plugin of Fastify. It needs nothing of Fastify itself.

const { HostError } = require('./errors.cjs');
const { LIMIT } = require('./webhooks.cjs');

/** `app.register(host.fastify({ webhooks: '/webhooks', dashboard: { access } }))`. */
function plugin(host, { webhooks = '/webhooks', dashboard } = {}) {
  return async (app) => {
    // The raw bytes: the provider has signed them.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: LIMIT }, (_request, body, done) => done(null, body));
    // Fastify refuses larger bodies itself, with 413.
    mount(app, webhooks, host.webhookRoute({ prefix: full(app, webhooks) }), ['POST']);
    if (dashboard === undefined) return;
    const { prefix = '/rulebound', access } = dashboard;
    if (typeof access !== 'function') throw new HostError('dashboard/access: is missing. Give a function that says who can see it.');
    mount(app, prefix, host.dashboard({ access, prefix: full(app, prefix) }), ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']);
  };
}

/** Where a path is, with the prefixes under which the plugin is registered. */
const full = (app, path) => `${app.prefix ?? ''}${path}`;

function mount(app, path, respond, methods) {
  const handler = async (request, reply) => {
    const response = await respond(asRequest(request));
    reply.code(response.status).headers(Object.fromEntries(response.headers));
    const body = Buffer.from(await response.arrayBuffer());
    return reply.send(body.length > 0 ? body : undefined);
  };
  const options = { method: methods, handler, bodyLimit: LIMIT, exposeHeadRoute: false };
  app.route({ ...options, url: path });
  app.route({ ...options, url: `${path}/*` });
}

function asRequest({ method, url, headers, body, protocol, host }) {
  const pairs = Object.entries(headers).flatMap(([name, value]) => [value].flat().map((it) => [name, it]));
  const init = { method, headers: pairs.filter(([name]) => !name.startsWith(':')) };
  if (method !== 'GET' && method !== 'HEAD' && body) init.body = body;
  return new Request(`${protocol}://${host ?? headers.host ?? 'localhost'}${url}`, init);
}

module.exports = { plugin };
