// What a decision figure is measured on: a Crossover with its shipped settings, two clusters that look like
// Kong, and clients, each in a process of its own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseConfig } from '#src/config/load.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import { type Arm, ATTEMPT, attemptOffset, epochSlots, routeSlots, X, Y } from '#src/shared-memory/layout.ts';
import { authorization } from '../support/control.ts';
import { type Crossover, startCrossover } from '../support/crossover.ts';
import { KongProcess } from '../support/kong-process.ts';
import { OpenLoopClient } from '../support/open-loop-client.ts';

export interface BedSettings {
  readonly seed: number;
  readonly requestsPerSecond: number;
  /** Hosts that clients ask for: each is a route. */
  readonly hosts: number;
}

export interface DecisionBed {
  readonly crossover: Crossover;
  readonly x: KongProcess;
  readonly y: KongProcess;
  readonly clients: OpenLoopClient;
  stop(): Promise<void>;
}

/** A revert as the record tells it. */
export interface Revert {
  /** Unix epoch ms. */
  readonly atMs: number;
  readonly text: string;
}

export const workers = 2;
export const weightPercent = 10;
export const postShare = 0.25;
/** X and Y as in the simulator: lognormal, median 50 ms, p99 202 ms. */
const latency = { latencyMsMedian: 50, latencySigma: 0.6 };
const errorShare = 0.001;
const versions = { x: '3.4.3', y: '3.10.0' };
const nodesPerCluster = 2;
const pollMs = 100;

const urls = (cluster: KongProcess): string =>
  cluster.ports.map((port) => `http://127.0.0.1:${port}`).join(', ');

/** All as shipped but the steps: one at 10 %, which is not left, because what is measured happens at 10 %. */
const configText = (x: KongProcess, y: KongProcess, folder: string): string => `
listen: { proxy: 127.0.0.1:0, control: 127.0.0.1:0 }
workers: ${workers}
clusters:
  x: { label: old, nodes: [${urls(x)}] }
  y: { label: new, nodes: [${urls(y)}] }
rollout: { steps: [${weightPercent}, 100], bake: 1h, stepTimeout: 2h }
store: { sqlite: ${join(folder, 'crossover.db')} }
`;

/** Starts everything; all traffic is on X. The caller stops it. */
export async function startDecisionBed({
  seed,
  requestsPerSecond,
  hosts,
}: BedSettings): Promise<DecisionBed> {
  const folder = mkdtempSync(join(tmpdir(), 'crossover-decisions-'));
  const make = (version: string, offset: number) =>
    new KongProcess({ version, seed: seed + offset, nodeCount: nodesPerCluster, errorShare, ...latency });
  const x = make(versions.x, 1);
  const y = make(versions.y, 2);
  await Promise.all([x.start(), y.start()]);
  const loaded = parseConfig(configText(x, y, folder), '(decisions)', {});
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const crossover = await startCrossover(loaded.config);
  await untilControlled(crossover);
  const clients = new OpenLoopClient({
    port: crossover.port,
    seed,
    requestsPerSecond,
    posts: postShare,
    hosts,
    versions,
  });
  return {
    crossover,
    x,
    y,
    clients,
    async stop() {
      await clients.stop();
      await crossover.stop();
      await Promise.all([x.remove(), y.remove()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Crossover serves before its control thread does when that takes more than five seconds, as on a busy
 * machine.
 */
async function untilControlled(crossover: Crossover): Promise<void> {
  while (crossover.controlPort === 0) {
    await wait(pollMs);
    const { controlPort } = (await crossover.order({ type: 'ports' })) as { controlPort: number };
    crossover.controlPort = controlPort;
  }
}

async function ask(bed: DecisionBed, path: string, init: RequestInit = {}): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${bed.crossover.controlPort}${path}`, {
    ...init,
    headers: { authorization },
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

export async function phaseOf(bed: DecisionBed): Promise<string> {
  return ((await ask(bed, '/v1/rollout')) as { phase: string }).phase;
}

/** Streams that have compared requests of both clusters. */
export async function liveStreams(bed: DecisionBed): Promise<string[]> {
  const { verdict } = (await ask(bed, '/v1/analysis')) as { verdict: Pick<Verdict, 'streams'> };
  return verdict.streams.filter(({ x, y }) => x.requests > 0 && y.requests > 0).map(({ stream }) => stream);
}

/** Routes with a counter of their own, and the one of all others, that have had requests on both clusters. */
export async function liveRoutes(bed: DecisionBed): Promise<number> {
  const slabs = await bed.crossover.slabs();
  const hasRequests = (arm: Arm, route: number) =>
    slabs.some((slab) =>
      Array.from({ length: epochSlots }, (_, slot) => attemptOffset(arm, slot)).some(
        (at) => (slab[at + ATTEMPT.routeRequests + route] ?? 0) > 0,
      ),
    );
  return Array.from({ length: routeSlots }, (_, route) => route).filter(
    (route) => hasRequests(X, route) && hasRequests(Y, route),
  ).length;
}

/** Starts a rollout; resolves when Y has its share. */
export async function startRollout(bed: DecisionBed): Promise<void> {
  await ask(bed, '/v1/rollout', { method: 'POST' });
  for (let attempt = 0; attempt < 100; attempt++) {
    if ((await phaseOf(bed)) === 'ramping') return;
    await wait(pollMs);
  }
  throw new Error('the rollout did not start');
}

/** The revert, or null when there was none by then. */
export async function untilReverted(bed: DecisionBed, timeoutMs: number): Promise<Revert | null> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    if ((await phaseOf(bed)) === 'reverted') return revertOf(bed);
    if (performance.now() >= deadlineMs) return null;
    await wait(pollMs);
  }
}

async function revertOf(bed: DecisionBed): Promise<Revert> {
  const { events } = (await ask(bed, '/v1/events?limit=1000')) as {
    events: { name: string; atMs: number; text: string }[];
  };
  const event = events.find(({ name }) => name === 'rollout-reverted');
  if (event === undefined) throw new Error('a revert without an event');
  return { atMs: event.atMs, text: event.text };
}
