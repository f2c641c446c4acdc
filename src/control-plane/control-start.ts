// What a control thread does once, at its start: takes up what its predecessor kept, says so, and starts a rollout where
// the config wants one.

import { withoutSecrets } from './config-record.ts';
import type { ControlParts } from './control-parts.ts';
import { makePlan, newRollout } from './plan.ts';
import { learnRoutes } from './route-learning.ts';

/** Newest records that are checked against their hash chain at the start: a day's worth, in milliseconds. */
const verifiedRecords = 1_000;

/** Publishes the split that was recorded, then takes up everything else. */
export function takeUp(parts: ControlParts): void {
  parts.signals.restore();
  parts.evidence.restore();
  // The checks of a start that was interrupted are run again at once, and probe the nodes that are known by then.
  parts.health.start();
  parts.rollout.resume();
  const kept = parts.store.loadAnalysis();
  if (kept.ok && kept.value !== null) parts.judge.restore(kept.value.snapshot, parts.rollout.state);
  reportStart(parts);
  void learnRoutes({ config: () => parts.config, routes: parts.routes, events: parts.events });
}

function reportStart(parts: ControlParts): void {
  const { generation, version, configRevision, events, store } = parts;
  const { phase, weightPpm } = parts.rollout.state;
  const configVersion = keepConfig(parts);
  events.add({
    name: generation === 0 ? 'started' : 'control-restarted',
    text: `Crossover ${version} ${generation === 0 ? 'started' : 'has a new control thread'}: rollout ${phase}, ${weightPpm / 10_000} % on Y.`,
    detail: { generation, phase, weight: weightPpm / 10_000, configRevision, configVersion },
  });
  if (store.problem !== null) parts.storeChanged(store.problem);
  const broken = store.verifyRecord(verifiedRecords);
  if (broken.ok && broken.value !== null) {
    events.add({ name: 'record-broken', level: 'error', text: broken.value });
  }
}

/** The number under which the config is on record; null while the store does not work. */
export function keepConfig({ store, clock, config }: ControlParts): number | null {
  const kept = store.saveConfig(clock.epochMs(), withoutSecrets(config));
  return kept.ok ? kept.value : null;
}

/** Only from a clean slate: a rollout that was reverted or completed is not started again by a restart. */
export function autostart({ rollout, config, clock, events }: ControlParts): void {
  const { state } = rollout;
  if (!config.rollout.autostart || state.phase !== 'idle' || state.weightPpm > 0) return;
  const startedAtMs = clock.epochMs();
  const origin = { startedAtMs, startedBy: 'crossover', reason: 'rollout.autostart is on' };
  const made = makePlan(config.rollout, {}, { ...newRollout(), ...origin });
  const outcome = made.ok ? rollout.dispatch({ type: 'start', atMs: startedAtMs, plan: made.plan }) : null;
  if (outcome?.ok === true) return;
  events.add({
    name: 'autostart-failed',
    level: 'error',
    text: 'The rollout could not be started by itself.',
  });
}
