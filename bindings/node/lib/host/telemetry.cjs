'use strict';

const { peer } = require('./peer.cjs');

const GAUGES = {
  oldest_overdue_ms: 'How long the oldest row that is due has waited',
  due: 'Rows that are due',
  inbox_age_ms: 'The age of the oldest webhook in the inbox',
  failing_effects: 'Effects that were tried five times or more',
  reviews_open: 'Questions that wait for a person',
  accounts_paused: 'Accounts that take no requests now',
  oldest_held_ms: 'How long the oldest row of a paused account has not changed',
  refused_in_day: 'Requests that providers refused within a day',
};

/** Exports the gauges to OpenTelemetry, as `rulebound.due` and so on. Returns what ends it. */
function telemetry(host) {
  const meter = peer('@opentelemetry/api', 'The telemetry').metrics.getMeter('rulebound');
  const gauges = Object.entries(GAUGES).map(([name, description]) => [name, meter.createObservableGauge(`rulebound.${name}`, { description })]);
  const observables = gauges.map(([, gauge]) => gauge);
  const observe = async (result) => {
    const stats = await host.stats();
    for (const [name, gauge] of gauges) result.observe(gauge, stats[name]);
  };
  meter.addBatchObservableCallback(observe, observables);
  return () => meter.removeBatchObservableCallback(observe, observables);
}

module.exports = { telemetry };
