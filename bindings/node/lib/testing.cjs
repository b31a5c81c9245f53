'use strict';

// The providers' simulator for tests: its own process, and a world for each test.

const { spawn } = require('node:child_process');
const { existsSync, statSync } = require('node:fs');
const { delimiter, dirname, join, resolve } = require('node:path');

const NAME = `rulebound-simulator${process.platform === 'win32' ? '.exe' : ''}`;
const BUILD = 'cargo build --package rulebound-simulator';

/** The simulator cannot be started, or does not do what was asked. */
class SimulatorError extends Error {
  name = 'SimulatorError';
}

/** A folder and all above it. */
function parents(folder) {
  const above = dirname(folder);
  return above === folder ? [folder] : [folder, ...parents(above)];
}

/** The simulator's binary: `RULEBOUND_SIMULATOR`, the newest one of the checkout, or an installed one. */
function findBinary() {
  const given = process.env.RULEBOUND_SIMULATOR;
  if (given) {
    if (existsSync(given)) return given;
    throw new SimulatorError(`RULEBOUND_SIMULATOR names no file: ${given}`);
  }
  const folders = [...parents(__dirname), ...parents(process.cwd())];
  const roots = folders.filter((it) => existsSync(join(it, 'simulator', 'Cargo.toml')));
  const targets = roots.map((root) => resolve(root, process.env.CARGO_TARGET_DIR || 'target'));
  const built = targets.flatMap((it) => [join(it, 'debug', NAME), join(it, 'release', NAME)]).filter(existsSync);
  if (built.length > 0) return built.reduce((a, b) => (statSync(b).mtimeMs > statSync(a).mtimeMs ? b : a));
  const path = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  const installed = [join(__dirname, '..', 'bin'), ...path].map((it) => join(it, NAME)).find(existsSync);
  if (installed) return installed;
  throw new SimulatorError(
    `There is no ${NAME}. Unpack the simulator's archive of the release, or run \`${BUILD}\` in a clone of rulebound. `
      + 'Then set RULEBOUND_SIMULATOR to the program, or put its folder on PATH.',
  );
}

async function request(method, url, body) {
  const options = { method, headers: { 'content-type': 'application/json' } };
  if (body !== undefined) options.body = JSON.stringify(body);
  const reply = await fetch(url, options);
  const text = await reply.text();
  let json = null;
  try {
    json = text === '' ? null : JSON.parse(text);
  } catch {
    throw new SimulatorError(`${method} ${url}: ${reply.status} ${text}`);
  }
  if (!reply.ok) throw new SimulatorError(`${method} ${url}: ${json?.error ?? text}`);
  return json;
}

/** One merchant's view of the providers, with its own clock, which the test moves. */
class World {
  #shown;

  constructor(shown) {
    this.#shown = shown;
    this.url = shown.url;
  }

  baseUrl(provider) {
    return this.#shown.base_urls[provider];
  }

  now = () => this.#shown.now;

  async next() {
    const { next } = await this.#control('GET', 'clock');
    return next === null ? null : Date.parse(next);
  }

  /** From one due instant to the next, so that the host reads the right time while webhooks arrive. */
  async advance({ ms, to, host } = {}) {
    if ((ms === undefined) === (to === undefined)) throw new TypeError('give `ms` or `to`');
    let end = typeof to === 'string' ? Date.parse(to) : (to ?? this.now() + ms);
    if (to === 'next') end = (await this.next()) ?? this.now();
    const deliveries = [];
    for (;;) {
      await host?.tick();
      const [due, wake] = [await this.next(), await host?.nextWake()];
      // A wake that has come and gone is the host's affair: time must go on.
      const wakes = typeof wake === 'number' && wake > this.now() ? [wake] : [];
      const at = Math.min(end, ...wakes, ...(due === null ? [] : [due]));
      const isOver = at === end && end === this.now();
      this.#shown = { ...this.#shown, now: at };
      const { deliveries: more, ...shown } = await this.#control('POST', 'clock/advance', { to: at });
      deliveries.push(...more);
      this.#shown = shown;
      if (isOver) return deliveries;
    }
  }

  async fault({ do: what, times, options, ...match }) {
    await this.#control('POST', 'faults', { match, do: what, times, ...options });
  }

  async chaos({ seed, perMille, kinds }) {
    await this.#control('POST', 'faults', { chaos: { seed, per_mille: perMille, kinds } });
  }

  async faults() {
    return (await this.#control('GET', 'faults')).faults;
  }

  async clearFaults() {
    await this.#control('DELETE', 'faults');
  }

  async webhooks() {
    return (await this.#control('GET', 'webhooks')).webhooks;
  }

  async endpoints(urls) {
    await this.#control('POST', 'webhooks', { endpoints: urls });
  }

  async hold(events = true) {
    await this.#control('POST', 'webhooks', { hold: events });
  }

  release = (webhooks = 'all') => this.#deliver('release', webhooks);

  duplicate = (webhooks) => this.#deliver('duplicate', webhooks);

  redeliver = (webhooks) => this.#deliver('redeliver', webhooks);

  async drop(webhooks) {
    await this.#control('POST', 'webhooks', { drop: webhooks });
  }

  async journal(having = {}) {
    const texts = Object.entries(having).map(([name, value]) => [name, String(value)]);
    return (await this.#control('GET', `requests?${new URLSearchParams(texts)}`)).requests;
  }

  async inferred() {
    const all = await this.journal({ fidelity: 'inferred' });
    return all.filter((it) => it.account !== '' && it.fault === null);
  }

  async ledger(provider) {
    return (await this.#control('GET', 'ledger'))[provider];
  }

  act(act) {
    return this.#control('POST', 'act', act);
  }

  async reset() {
    this.#shown = await this.#control('POST', 'reset', {});
  }

  async close() {
    await request('DELETE', this.url);
  }

  async #deliver(what, webhooks) {
    return (await this.#control('POST', 'webhooks', { [what]: webhooks })).deliveries;
  }

  #control(method, what, body) {
    return request(method, `${this.url}/_sim/${what}`, body);
  }
}

/** A running simulator. It serves any number of worlds. */
class Simulator {
  #process;
  #stop;

  constructor(child, url) {
    this.#process = child;
    this.url = url;
    this.#stop = () => child.kill();
    process.on('exit', this.#stop);
  }

  async world({ seed, webhookUrls, accounts, clock, readings } = {}) {
    const options = { seed, webhook_urls: webhookUrls, accounts, clock, readings };
    return new World(await request('POST', `${this.url}/_sim/worlds`, options));
  }

  catalogue() {
    return request('GET', `${this.url}/_sim`);
  }

  async close() {
    process.off('exit', this.#stop);
    const child = this.#process;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((done) => child.once('exit', done));
    child.ref();
    child.kill();
    await ended;
  }
}

/** Starts the simulator on a free port of this machine. It stops with `close` or with this process. */
async function startSimulator(...options) {
  const binary = findBinary();
  const child = spawn(binary, ['--port', '0', ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  const line = await new Promise((found, failed) => {
    let text = '';
    child.once('error', (error) => failed(new SimulatorError(`${binary}: ${error.message}`)));
    child.once('exit', (code) => failed(new SimulatorError(`${binary} ended with ${code}`)));
    child.stdout.setEncoding('utf8').on('data', (part) => {
      text += part;
      if (text.includes('\n')) found(text);
    });
  });
  // A test that forgets `close` must still end.
  child.unref();
  child.stdout.unref();
  return new Simulator(child, JSON.parse(line).url);
}

module.exports = { Simulator, SimulatorError, World, findBinary, startSimulator };
