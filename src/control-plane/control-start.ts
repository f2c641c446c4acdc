// What a control thread does once, at its start: takes up what its predecessor kept, says so, and starts a
// rollout where the config wants one.

import { setTimeout as delay } from 'node:timers/promises';
import { makePlan, newRollout } from './api/plan.ts';
import { withoutSecrets } from './config-record.ts';
import type { ControlParts } from './control-parts.ts';
import { forgottenNodes } from './nodes/forgotten-nodes.ts';
import { learnRoutes } from './routes/route-learning.ts';

/** Events before a start in which nodes that were set are looked for. */
const recentEvents = 1_000;

/**
 * How long a start waits for the store. Then all traffic goes to X, or stays as it is, until the store opens.
 */
const storeOpensMsMax = 3_000;

/** How long the first write of the mark is waited for before it is said that there is none. */
const markWriteMsMax = 3_000;

/**
 * How long a start waits for the recorded traffic of the last minutes, which makes the evidence of a revert
 * complete.
 */
const traceReadMsMax = 3_000;

/**
 * Waits for the store. False when another process owns it. Then the first thread of a process gives up before
 * it has changed anything, and the process ends. A later thread goes on without the store, because traffic
 * depends on its process.
 */
export async function ownStore({ store, generation, post }: ControlParts): Promise<boolean> {
  await store.ready(storeOpensMsMax);
  const { problem } = store;
  if (generation > 0 || problem?.kind !== 'in-use') return true;
  post({ type: 'failed-to-start', code: 'STORE_IN_USE', message: problem.text });
  return false;
}

/** Publishes the split that was recorded, then takes up everything else. */
export async function takeUp(parts: ControlParts): Promise<void> {
  parts.signals.restore();
  // The checks of an interrupted start are run again at once, and probe the nodes that are known by now.
  parts.health.start();
  parts.rollout.resume();
  await Promise.race([parts.evidence.restore(), delay(traceReadMsMax, undefined, { ref: false })]);
  const kept = parts.store.loadAnalysis();
  if (kept.ok && kept.value !== null) parts.assessor.restore(kept.value.snapshot, parts.rollout.state);
  if (parts.store.problem !== null) parts.storeChanged(parts.store.problem);
  void reportStart(parts);
  void learnRoutes({ config: () => parts.config, routes: parts.routes, events: parts.events });
}

async function reportStart(parts: ControlParts): Promise<void> {
  const { generation, version, configRevision, events, store } = parts;
  const { phase, weightPpm } = parts.rollout.state;
  const configVersion = await keepConfig(parts);
  const started = events.add({
    name: generation === 0 ? 'started' : 'control-restarted',
    text: `Crossover ${version} ${generation === 0 ? 'started' : 'has a new control thread'}: rollout ${phase}, ${weightPpm / 10_000} % on Y.`,
    detail: { generation, phase, weight: weightPpm / 10_000, configRevision, configVersion },
  });
  if (generation === 0) await tellForgottenNodes(parts, started.id);
  const { unlockedBecause } = store;
  if (unlockedBecause !== null) {
    const text = `Nothing keeps another process from using this store too. ${unlockedBecause}`;
    events.add({ name: 'store-not-locked', level: 'warn', text });
  }
  const markProblem = await store.markProblem(markWriteMsMax);
  if (markProblem !== null) {
    const text = `No mark can be kept beside the store: a revert that the store cannot record would not survive a restart. ${markProblem}`;
    events.add({ name: 'store-not-marked', level: 'warn', text });
  }
  for (const text of store.findings) events.add({ name: 'record-broken', level: 'error', text });
  const checked = await store.read('checkRecord', null);
  if (checked.ok && !checked.value.intact)
    events.add({ name: 'record-broken', level: 'error', text: checked.value.text });
}

async function tellForgottenNodes({ store, events }: ControlParts, startedId: number): Promise<void> {
  const after = Math.max(0, startedId - 1 - recentEvents);
  const before = await store.read('readEvents', after, Math.min(recentEvents, startedId - 1));
  if (!before.ok) return;
  // Event numbers may have gaps, so what was read may include the event of this start.
  const earlier = before.value.filter(({ id }) => id < startedId);
  for (const { text, detail } of forgottenNodes(earlier))
    events.add({ name: 'nodes-forgotten', level: 'warn', text, detail });
}

/** The number under which the config is on record; null while the store does not work. */
export async function keepConfig({ store, clock, config }: ControlParts): Promise<number | null> {
  const kept = await store.saveConfig(clock.epochMs(), withoutSecrets(config));
  return kept.ok ? kept.value : null;
}

/**
 * Starts only when there is nothing on record: a rollout that was reverted or completed is not started again
 * by a restart.
 */
export function autostart({ rollout, config, events }: ControlParts): void {
  const { state } = rollout;
  if (!config.rollout.autostart || state.phase !== 'idle' || state.weightPpm > 0) return;
  const startedAtMs = rollout.nowMs();
  const origin = { startedAtMs, startedBy: 'crossover', reason: 'rollout.autostart is on' };
  const made = makePlan(config.rollout, {}, { ...newRollout(), ...origin });
  const text = 'The rollout could not be started by itself.';
  const fail = () => events.add({ name: 'autostart-failed', level: 'error', text });
  if (!made.ok) fail();
  else
    rollout.dispatch({ type: 'start', atMs: startedAtMs, plan: made.plan }, ({ ok }) => {
      if (!ok) fail();
    });
}
