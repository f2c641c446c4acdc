// Turns the written configuration, with its defaults, into the resolved one: units become ms, bytes and
// shares, and everything is checked that depends on what a setting means. Each problem is reported with its
// path, and the checks go on, so that all problems are reported at once.
import { PPM, readBufferBytes, replayBytesMax, workersMax } from '#src/limits.ts';
import type { ClusterConfig, Config, FailoverTrigger, Thresholds } from './config.ts';
import { isAdminUrl, parseListenAddress, parseNodeUrl } from './net-address.ts';
import { itemsOf, type Report } from './problem-report.ts';
import { resolveControl, resolveControlListen } from './resolve-control.ts';
import { checkListeners } from './resolve-listeners.ts';
import { resolveMetrics } from './resolve-metrics.ts';
import { resolveRouting } from './resolve-routing.ts';
import {
  checkCalledAddresses,
  resolveGates,
  resolveNotifications,
  resolveOutgoing,
  resolveWindows,
  secretOf,
} from './resolve-signals.ts';
import type { WrittenConfig } from './schema.ts';
import {
  formatBytes,
  parseBytes,
  parseDuration,
  parseFineDuration,
  parsePercent,
  parseWeightPpm,
} from './units.ts';
import type { ConfigPath } from './yaml-source.ts';

/** What the resolved configuration depends on besides the file. */
export interface Machine {
  /** CPU cores available to the process. */
  readonly cores: number;
  /** Addresses of the machine's interfaces. */
  readonly addresses: readonly string[];
  /** Its name, as hostname(1) has it; absent when it is not known. */
  readonly hostName?: string;
  /** Makes a path absolute. */
  resolvePath(path: string): string;
}

type Section<K extends keyof WrittenConfig> = WrittenConfig[K];

const KiB = 1024;

function durations<T extends Record<string, unknown>>(section: T, name: string, report: Report) {
  return (key: keyof T & string): number => {
    const written = String(section[key]);
    const ms = parseDuration(written);
    if (ms === null)
      report([name, key], `"${written}" is longer than the longest duration`, 'at most 596h (24.8 days)');
    return ms ?? 0;
  };
}

function share(written: string | number, path: ConfigPath, report: Report): number {
  const value = parsePercent(written);
  if (value === null) report(path, `expected a percentage of at most 100%, got "${written}"`, null);
  return value ?? 0;
}

/** A share above 0 and at most `max`; reports any other. */
function shareWithin(written: string | number, max: number, path: ConfigPath, report: Report): number {
  const value = share(written, path, report);
  if (value > 0 && value <= max) return value;
  report(path, `expected a percentage above 0 and at most ${max * 100}%, got "${written}"`, null);
  return max;
}

function size(written: string | number, min: number, max: number, path: ConfigPath, report: Report): number {
  const value = parseBytes(written);
  if (value !== null && value >= min && value <= max) return value;
  report(path, `expected a size from ${formatBytes(min)} to ${formatBytes(max)}, got "${written}"`, null);
  return max;
}

function resolveCluster(written: Section<'clusters'>['x'], path: ConfigPath, report: Report): ClusterConfig {
  const nodes: ClusterConfig['nodes'][number][] = [];
  for (const [index, url] of itemsOf(written.nodes)) {
    const parsed = parseNodeUrl(url);
    const place = [...path, 'nodes', index];
    if (!parsed.ok) report(place, parsed.message, parsed.hint);
    else if (nodes.some((node) => node.id === parsed.value.id)) {
      report(place, `${parsed.value.id} is in this cluster twice`, 'remove one of the two');
    } else nodes.push(parsed.value);
  }
  if (written.admin !== undefined && !isAdminUrl(written.admin)) {
    report(
      [...path, 'admin'],
      `expected an http:// or https:// URL without credentials`,
      'such as http://10.0.1.10:8001',
    );
  }
  const adminToken = secretOf(written.adminToken);
  if (adminToken !== null && written.admin === undefined)
    report([...path, 'adminToken'], 'there is no Admin API to send it to', 'add admin, or leave it out');
  return { label: written.label, nodes, admin: written.admin ?? null, adminToken };
}

function resolveClusters(written: Section<'clusters'>, report: Report): Config['clusters'] {
  const x = resolveCluster(written.x, ['clusters', 'x'], report);
  const y = resolveCluster(written.y, ['clusters', 'y'], report);
  for (const [index, url] of itemsOf(written.y.nodes)) {
    const parsed = parseNodeUrl(url);
    if (!parsed.ok || !x.nodes.some((node) => node.id === parsed.value.id)) continue;
    report(
      ['clusters', 'y', 'nodes', index],
      `${parsed.value.id} is in cluster x as well`,
      'a node belongs to one cluster, or nothing could be compared',
    );
  }
  return { x, y };
}

function resolveListen(written: Section<'listen'>, machine: Machine, report: Report): Config['listen'] {
  const address = (key: 'proxy' | 'admin', text: string) => {
    const parsed = parseListenAddress(text);
    if (parsed.ok) return parsed.value;
    report(['listen', key], parsed.message, parsed.hint);
    return { host: '127.0.0.1', port: 0 };
  };
  return {
    proxy: address('proxy', written.proxy),
    shared: written.shared,
    control: resolveControlListen(written.control, machine.resolvePath, report),
    admin: written.admin === undefined ? null : address('admin', written.admin),
  };
}

function resolveFailover(written: Section<'failover'>, report: Report): Config['failover'] {
  const on = [...itemsOf(written.on)].map(([, trigger]) => trigger as FailoverTrigger);
  return { on, budget: share(written.budget, ['failover', 'budget'], report) };
}

function resolveHealth(written: Section<'health'>, report: Report): Config['health'] {
  const ms = durations(written, 'health', report);
  return {
    path: written.path,
    intervalMs: ms('interval'),
    timeoutMs: ms('timeout'),
    unhealthyAfter: written.unhealthyAfter,
    healthyAfter: written.healthyAfter,
    ejection: written.ejection === 'on' || written.ejection === true,
    slowStartMs: ms('slowStart'),
  };
}

function resolveTimeouts(written: Section<'timeouts'>, report: Report): Config['timeouts'] {
  const ms = durations(written, 'timeouts', report);
  return {
    requestHeadMs: ms('requestHead'),
    requestBodyMs: ms('requestBody'),
    requestBodyWaitMs: ms('requestBodyWait'),
    requestBodyTotalMs: ms('requestBodyTotal'),
    clientLeftMs: ms('clientLeft'),
    clientIdleMs: ms('clientIdle'),
    connectMs: ms('connect'),
    responseHeadMs: ms('responseHead'),
    responseBodyMs: ms('responseBody'),
    upstreamIdleMs: ms('upstreamIdle'),
    tunnelIdleMs: ms('tunnelIdle'),
    drainDelayMs: ms('drainDelay'),
    drainMs: ms('drain'),
  };
}

function resolveLimits(written: Section<'limits'>, report: Report): Config['limits'] {
  const { headBytes, headerCount, connections, replayBytes, bodyBytes } = written;
  const { upstreamConnections, bodyBytesPerSecond } = written;
  // A head has to fit into a worker's read buffer, with room for what comes after it.
  const headBytesMax = readBufferBytes - 4 * KiB;
  const body = (value: string | number) =>
    size(value, 0, Number.MAX_SAFE_INTEGER, ['limits', 'bodyBytes'], report);
  return {
    headBytes: size(headBytes, KiB, headBytesMax, ['limits', 'headBytes'], report),
    headerCount,
    connections,
    upstreamConnections,
    bodyBytesPerSecond,
    replayBytes: size(replayBytes, 0, replayBytesMax, ['limits', 'replayBytes'], report),
    bodyBytes: bodyBytes === 'none' ? null : body(bodyBytes),
  };
}

/** Steps must ascend and end at 100 %: a rollout that ended below would never complete. */
function resolveSteps(written: Section<'rollout'>['steps'], report: Report): number[] {
  const path = ['rollout', 'steps'];
  const stepsPpm: number[] = [];
  for (const [index, step] of itemsOf(written)) {
    const ppm = parseWeightPpm(step);
    const previous = stepsPpm.at(-1) ?? 0;
    if (ppm === null || ppm < 1) {
      report(
        [...path, index],
        `expected Y's share in percent, above 0 and at most 100, got ${step}`,
        'the smallest share is 0.0001',
      );
    } else if (ppm <= previous) {
      report(
        [...path, index],
        `${ppm / 10_000} does not come after ${previous / 10_000}`,
        'steps ascend, each one above the one before',
      );
    } else stepsPpm.push(ppm);
  }
  const last = written.length - 1;
  const lastPpm = written[last] === undefined ? null : parseWeightPpm(written[last]);
  if (lastPpm !== null && lastPpm !== PPM) {
    report(
      [...path, last],
      `the last step is ${lastPpm / 10_000}, not 100`,
      'end the list with 100; a rollout stays at a lower weight by pausing',
    );
  }
  return stepsPpm;
}

function resolveRollout(written: Section<'rollout'>, report: Report): Config['rollout'] {
  const ms = durations(written, 'rollout', report);
  const stepsPpm = resolveSteps(written.steps, report);
  const holdback = shareWithin(written.holdback, 0.5, ['rollout', 'holdback'], report);
  const holdbackPpm = Math.max(1, Math.round(holdback * PPM));
  const beforeLast = stepsPpm.at(-2) ?? 0;
  if (stepsPpm.at(-1) === PPM && beforeLast > PPM - holdbackPpm) {
    report(
      ['rollout', 'holdback'],
      `soaking at ${(PPM - holdbackPpm) / 10_000} % would be below the step ${beforeLast / 10_000} %`,
      'lower the holdback or leave that step out',
    );
  }
  const [bakeMs, stepTimeoutMs] = [ms('bake'), ms('stepTimeout')];
  if (stepTimeoutMs < bakeMs)
    report(
      ['rollout', 'stepTimeout'],
      `a step would end after ${written.stepTimeout}, before its bake of ${written.bake} is over`,
      'the longest time at a step is at least the shortest',
      ['rollout', 'bake'],
    );
  return {
    autostart: written.autostart,
    stepsPpm,
    bakeMs,
    stepTimeoutMs,
    onInconclusive: written.onInconclusive,
    onBadRoute: written.onBadRoute,
    soakMs: ms('soak'),
    holdbackPpm,
  };
}

function resolveLatency(written: Section<'thresholds'>['latency'], report: Report): Thresholds['latency'] {
  const maxMs: Record<string, number> = {};
  const path: ConfigPath = ['thresholds', 'latency'];
  const tooLong = (key: ConfigPath, text: string) =>
    report([...path, ...key], `"${text}" is longer than the longest duration`, null);
  for (const [quantile, text] of Object.entries(written.max as Record<string, string>)) {
    const ms = parseDuration(text);
    if (ms === null) tooLong(['max', quantile], text);
    else maxMs[quantile] = ms;
  }
  const overXMs = parseFineDuration(written.overX);
  if (overXMs === null) tooLong(['overX'], written.overX);
  return { timesX: written.timesX, overXMs: overXMs ?? 0, onWorse: written.onWorse, maxMs };
}

function resolveThresholds(written: Section<'thresholds'>, report: Report): Thresholds {
  const at = (...path: string[]): ConfigPath => ['thresholds', ...path];
  const { errorRate, statusMix } = written;
  return {
    errorRate: {
      timesX: errorRate.timesX,
      overX: share(errorRate.overX, at('errorRate', 'overX'), report),
      max: errorRate.max === 'none' ? null : shareWithin(errorRate.max, 1, at('errorRate', 'max'), report),
    },
    statusMix: {
      timesX: statusMix.timesX,
      overX: share(statusMix.overX, at('statusMix', 'overX'), report),
      onWorse: statusMix.onWorse,
    },
    latency: resolveLatency(written.latency, report),
    falseReverts: shareWithin(written.falseReverts, 0.5, at('falseReverts'), report),
    harm: shareWithin(written.harm, 1, at('harm'), report),
    warmupMs: durations(written, 'thresholds', report)('warmup'),
    blipToleranceMs: written.blipTolerance === '5s' ? 5000 : 1000,
    attribution: written.attribution,
  };
}

/**
 * Resolves a configuration that fits the schema. Problems go to `report`; the result is meaningful only
 * without any.
 */
export function resolveConfig(written: WrittenConfig, machine: Machine, report: Report): Config {
  const listen = resolveListen(written.listen, machine, report);
  const clusters = resolveClusters(written.clusters, report);
  const control = resolveControl(written.control, machine.resolvePath, report);
  const outgoing = resolveOutgoing(written.outgoing, report);
  const { linkLocalNodes } = outgoing;
  const hasToken = control.token !== null || control.tokens !== null;
  const own = { addresses: machine.addresses, hostName: machine.hostName ?? null };
  checkListeners({ written, listen, hasToken, linkLocalNodes, own }, report);
  // If a block is invalid, addresses that it was meant to allow would be reported as well.
  if (outgoing.allow.length === written.outgoing.allow.length)
    checkCalledAddresses(written, outgoing.allow, report);
  return {
    listen,
    workers: written.workers === 'auto' ? Math.min(workersMax, Math.max(1, machine.cores)) : written.workers,
    transport: written.transport,
    clusters,
    routing: resolveRouting(written.routing, report),
    failover: resolveFailover(written.failover, report),
    health: resolveHealth(written.health, report),
    timeouts: resolveTimeouts(written.timeouts, report),
    limits: resolveLimits(written.limits, report),
    rollout: resolveRollout(written.rollout, report),
    thresholds: resolveThresholds(written.thresholds, report),
    metrics: resolveMetrics(written.metrics, report),
    gates: resolveGates(written.gates, report),
    windows: resolveWindows(written.windows, report),
    notifications: resolveNotifications(written.notifications, report),
    outgoing,
    control,
    store: {
      sqlite: machine.resolvePath(written.store.sqlite),
      key: written.store.key === undefined ? null : machine.resolvePath(written.store.key),
    },
  };
}
