// Warns of settings that are valid and probably not meant. `check` prints the warnings, and they are logged
// at a start and on a reload. They stop nothing, because for each of them there are setups in which it is
// right.
import { stepWatchedMsMin, tokenCharactersMin } from '#src/limits.ts';
import type { Config, NamedRoute, RoutingRule } from './config.ts';
import { formatHostPort, isLoopback } from './net-address.ts';
import { formatDuration, formatPercent } from './units.ts';
import type { ConfigPath } from './yaml-source.ts';

/** Something doubtful at a setting. */
interface ConfigWarning {
  readonly path: ConfigPath;
  readonly message: string;
  readonly hint: string | null;
}

/** Kong's nginx_proxy_keepalive_timeout, which is nginx's own default. */
const kongKeepAliveMs = 75_000;
/**
 * How much earlier than Kong a connection has to be given up, so that no request is sent to one that Kong is
 * closing.
 */
const closeEarlierMs = 4_000;

/** With a larger tolerance, as a share of all requests, an outage of Y would count as no worse. */
const overXMax = 0.2;
/**
 * A larger `harm`, as a share of all requests, would be a visible outage, which nobody accepts on purpose.
 */
const harmMax = 0.05;
const latencyCaps = ['p50', 'p75', 'p90', 'p95', 'p99'] as const;

/** Everything doubtful in a configuration that is valid, in no particular order. */
export function warningsAbout(config: Config): readonly ConfigWarning[] {
  return [
    ...timingWarnings(config),
    ...toleranceWarnings(config.thresholds),
    ...harmWarnings(config.thresholds),
    ...latencyCapWarnings(config.thresholds.latency.maxMs),
    ...metricWarnings(config.metrics),
    ...listenWarnings(config.listen),
    ...tokenWarnings(config.control),
    ...proxyWarnings(config.routing.trustedProxies),
    ...adminWarnings('x', config),
    ...adminWarnings('y', config),
    ...shadowWarnings('rules', config.routing.rules),
    ...shadowWarnings('routes', config.routing.routes),
  ];
}

function* timingWarnings({ health, timeouts, rollout, thresholds }: Config): Generator<ConfigWarning> {
  if (health.timeoutMs > health.intervalMs)
    yield {
      path: ['health', 'timeout'],
      message: `a check may take ${formatDuration(health.timeoutMs)}, longer than the ${formatDuration(health.intervalMs)} between checks`,
      hint: 'the next check waits for the answer, so a node that hangs is found late; lower health.timeout',
    };
  const keptMsMax = kongKeepAliveMs - closeEarlierMs;
  if (timeouts.upstreamIdleMs > keptMsMax)
    yield {
      path: ['timeouts', 'upstreamIdle'],
      message: `unused connections are kept for ${formatDuration(timeouts.upstreamIdleMs)}, and Kong closes them after ${formatDuration(kongKeepAliveMs)} by default`,
      hint: `at most ${formatDuration(keptMsMax)}, or raise nginx_proxy_keepalive_timeout of both clusters above it; else requests meet connections that are being closed`,
    };
  if (rollout.bakeMs < stepWatchedMsMin)
    yield {
      path: ['rollout', 'bake'],
      message: `every step is watched for ${formatDuration(stepWatchedMsMin)} at least, so ${formatDuration(rollout.bakeMs)} means ${formatDuration(stepWatchedMsMin)}`,
      hint: `write ${formatDuration(stepWatchedMsMin)}, or more`,
    };
  if (rollout.stepTimeoutMs <= thresholds.warmupMs)
    yield {
      path: ['rollout', 'stepTimeout'],
      message: `the first step may last ${formatDuration(rollout.stepTimeoutMs)}, and Y's latency is not compared for ${formatDuration(thresholds.warmupMs)} (thresholds.warmup)`,
      hint: 'it would end without a conclusion; raise rollout.stepTimeout',
    };
}

function* toleranceWarnings({ errorRate, statusMix }: Config['thresholds']): Generator<ConfigWarning> {
  for (const [name, { overX }] of Object.entries({ errorRate, statusMix }))
    if (overX > overXMax)
      yield {
        path: ['thresholds', name, 'overX'],
        message: `Y is not worse until ${formatPercent(overX)} of its requests are affected that are not on X`,
        hint: 'nearly nothing reverts by that; the default is a fraction of a percent',
      };
  const { overX, max } = errorRate;
  if (max !== null && overX <= overXMax && max <= overX)
    yield {
      path: ['thresholds', 'errorRate', 'max'],
      message: `the cap of ${formatPercent(max)} is within what overX tolerates, ${formatPercent(overX)}`,
      hint: 'the cap alone decides then; raise max, or lower overX',
    };
}

/** The last step asks for proof that Y's errors are within `harm`, also where `overX` tolerates more. */
function* harmWarnings({ errorRate: { overX }, harm }: Config['thresholds']): Generator<ConfigWarning> {
  if (harm > harmMax)
    yield {
      path: ['thresholds', 'harm'],
      message: `an advance may be wrong by ${formatPercent(harm)} of all requests`,
      hint: 'hardly any proof is asked for then; the default is 0.1%',
    };
  if (overX > harm && overX <= overXMax)
    yield {
      path: ['thresholds', 'harm'],
      message: `${formatPercent(overX)} more errors on Y are tolerated (errorRate.overX), and the last step takes proof of at most ${formatPercent(harm)}`,
      hint: 'a Y between the two is neither reverted nor advanced; raise harm to overX, or lower overX',
    };
}

/**
 * A higher quantile is never below a lower one, so a cap that is not above the one of the quantile below is
 * reached first.
 */
function* latencyCapWarnings(maxMs: Config['thresholds']['latency']['maxMs']): Generator<ConfigWarning> {
  const caps = latencyCaps.flatMap((name) => (maxMs[name] === undefined ? [] : [{ name, ms: maxMs[name] }]));
  for (const [index, { name, ms }] of caps.entries()) {
    const higher = caps.slice(index + 1).find((one) => one.ms <= ms);
    if (higher === undefined) continue;
    yield {
      path: ['thresholds', 'latency', 'max', name],
      message: `the cap of ${formatDuration(ms)} is never reached before that of ${higher.name}, ${formatDuration(higher.ms)}`,
      hint: `leave it out, or make it shorter than that of ${higher.name}`,
    };
  }
}

function* metricWarnings(metrics: Config['metrics']): Generator<ConfigWarning> {
  for (const [index, metric] of metrics.entries())
    if (metric.kind === 'value' && metric.source.kind !== 'pushed' && metric.timeoutMs > metric.intervalMs)
      yield {
        path: ['metrics', index],
        message: `an answer may take ${formatDuration(metric.timeoutMs)}, longer than the ${formatDuration(metric.intervalMs)} between questions`,
        hint: 'lower timeout, or raise interval',
      };
}

function* listenWarnings({ admin, control }: Config['listen']): Generator<ConfigWarning> {
  for (const [index, listener] of control.entries())
    if (listener.kind === 'tcp' && listener.tls === null && !isLoopback(listener.host))
      yield {
        path: control.length === 1 ? ['listen', 'control'] : ['listen', 'control', index],
        message: `tokens go to ${formatHostPort(listener)} in clear text`,
        hint: 'give the listener tls, or let it listen on loopback behind a proxy that has it',
      };
  if (admin !== null)
    yield {
      path: ['listen', 'admin'],
      message: 'nothing listens there: this version does not guard the Admin API',
      hint: 'leave it out',
    };
}

function* tokenWarnings({ token }: Config['control']): Generator<ConfigWarning> {
  if (token !== null && token.length < tokenCharactersMin)
    yield {
      path: ['control', 'token'],
      message: `a token of ${token.length} ${token.length === 1 ? 'character' : 'characters'} can be guessed`,
      hint: `at least ${tokenCharactersMin}, such as from: openssl rand -base64 32`,
    };
}

function* proxyWarnings(trusted: Config['routing']['trustedProxies']): Generator<ConfigWarning> {
  for (const [index, { prefix }] of trusted.entries())
    if (prefix === 0)
      yield {
        path: ['routing', 'trustedProxies', index],
        message: 'every client is believed what it says of its own address',
        hint: 'name the load balancers in front; sticky routing and the log go by that address',
      };
}

function* adminWarnings(cluster: 'x' | 'y', { clusters }: Config): Generator<ConfigWarning> {
  const { admin, adminToken } = clusters[cluster];
  if (admin !== null && cluster === 'y')
    yield {
      path: ['clusters', cluster, 'admin'],
      message: "nothing asks Y's Admin API: this version reads only X's, for its routes",
      hint: 'leave it out',
    };
  if (admin === null || adminToken === null) return;
  const { protocol, hostname } = new URL(admin);
  if (protocol === 'http:' && !isLoopback(hostname.replace(/^\[(.*)\]$/, '$1')))
    yield {
      path: ['clusters', cluster, 'adminToken'],
      message: `the token goes to ${hostname} in clear text`,
      hint: 'use the https:// listener of the Admin API',
    };
}

type Conditions = Omit<NamedRoute, 'name'> & Partial<Pick<RoutingRule, 'header'>>;

/** Entries that match no request, because an earlier entry matches all of them. */
function* shadowWarnings(
  list: 'rules' | 'routes',
  entries: readonly (Conditions & { readonly name: string })[],
): Generator<ConfigWarning> {
  for (const [index, entry] of entries.entries()) {
    const earlier = entries.slice(0, index).find((one) => covers(one, entry));
    // Entries with the same name are one route, so it does not matter which of them matches.
    if (earlier === undefined || (list === 'routes' && earlier.name === entry.name)) continue;
    yield {
      path: ['routing', list, index],
      message: `no request gets here: "${earlier.name}" above takes everything that "${entry.name}" would`,
      hint: 'the first match counts; put the narrower one first',
    };
  }
}

function covers(wide: Conditions, narrow: Conditions): boolean {
  const { methods } = wide;
  return (
    coversHost(wide.host, narrow.host) &&
    coversPath(wide.pathPrefix, narrow.pathPrefix) &&
    (methods === null || narrow.methods?.every((method) => methods.includes(method)) === true) &&
    coversHeader(wide.header ?? null, narrow.header ?? null)
  );
}

function coversHost(wide: string | null, narrow: string | null): boolean {
  if (wide === null || wide === narrow) return true;
  return narrow !== null && wide.startsWith('*.') && narrow.replace(/^\*/, '').endsWith(wide.slice(1));
}

function coversPath(wide: string | null, narrow: string | null): boolean {
  if (wide === null || wide === narrow) return true;
  const boundary = wide.endsWith('/') ? wide : `${wide}/`;
  return narrow?.startsWith(boundary) === true;
}

function coversHeader(wide: RoutingRule['header'], narrow: RoutingRule['header']): boolean {
  if (wide === null) return true;
  return wide.name === narrow?.name && (wide.value === null || wide.value === narrow.value);
}
