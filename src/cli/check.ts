// `crossover check`: reads a configuration as `serve` does and prints a summary, or everything that is wrong
// with it.
import type { Config } from '#src/config/config.ts';
import { type LoadResult, loadConfigFile } from '#src/config/load.ts';
import { formatHostPort } from '#src/config/net-address.ts';
import { checkSurroundings } from '#src/config/surroundings.ts';
import { formatBytes, formatDuration, formatPercent } from '#src/config/units.ts';
import { withoutSecrets } from '#src/config/without-secrets.ts';
import { type CliIo, exitCodes, processIo } from '#src/terminal/cli-io.ts';
import { formatConfigProblems, formatConfigWarnings } from '#src/terminal/config-problems.ts';
import { controlAddressText } from '#src/terminal/control-address.ts';

function clusterLine({ label, nodes, admin, adminToken }: Config['clusters']['x']): string {
  const withToken = adminToken === null ? '' : ' with a token';
  const asked = admin === null ? '' : `; admin ${admin}${withToken}`;
  return `${label}: ${nodes.map((node) => node.id).join(', ')}${asked}`;
}

function stickyLine(sticky: Config['routing']['sticky']): string {
  switch (sticky.kind) {
    case 'none':
      return 'not sticky';
    case 'clientIp':
      return 'sticky by client address';
    default:
      return `sticky by ${sticky.kind} ${sticky.name}`;
  }
}

function routingLine({ sticky, rules, trustedProxies, override }: Config['routing']): string {
  const overriding = override === null ? 'override off' : `override by ${override.header}`;
  return `${stickyLine(sticky)}, ${rules.length} rules, ${trustedProxies.length} trusted proxies, ${overriding}`;
}

function rolloutLine({ stepsPpm, bakeMs, soakMs, holdbackPpm, autostart }: Config['rollout']): string {
  const steps = stepsPpm.map((ppm) => formatPercent(ppm / 1e6)).join(', ');
  const times = `bake ${formatDuration(bakeMs)}, soak ${formatDuration(soakMs)}`;
  return `${steps}; ${times}, holdback ${formatPercent(holdbackPpm / 1e6)}${autostart ? '; starts by itself' : ''}`;
}

const rateLine = ({ timesX, overX }: { readonly timesX: number; readonly overX: number }): string =>
  `above ${timesX} x X + ${formatPercent(overX)}`;

function thresholdsLine(thresholds: Config['thresholds']): string {
  const { errorRate, statusMix, latency, falseReverts, harm } = thresholds;
  const cap = errorRate.max === null ? '' : ` or ${formatPercent(errorRate.max)}`;
  const caps = Object.entries(latency.maxMs).map(([quantile, ms]) => ` or ${quantile} ${formatDuration(ms)}`);
  return [
    `errors ${rateLine(errorRate)}${cap}`,
    `a status class ${rateLine(statusMix)}`,
    `latency above ${latency.timesX} x X, and ${formatDuration(latency.overXMs)} above X${caps.join('')}`,
    `false reverts ${formatPercent(falseReverts)}, harm ${formatPercent(harm)}`,
  ].join('; ');
}

function failoverLine({ on, budget }: Config['failover']): string {
  return on.length === 0 ? 'off' : `on ${on.join(', ')}; budget ${formatPercent(budget)}`;
}

function limitsLine({
  headBytes,
  headerCount,
  connections,
  replayBytes,
  bodyBytes,
}: Config['limits']): string {
  const body = bodyBytes === null ? 'unlimited' : formatBytes(bodyBytes);
  return `heads ${formatBytes(headBytes)} and ${headerCount} fields, ${connections} connections, replay ${formatBytes(replayBytes)}, bodies ${body}`;
}

const namesOf = (items: readonly { readonly name: string }[]): string =>
  items.map(({ name }) => name).join(', ');

/** A line each for metrics, gates, windows and notifications, where any are configured. */
function signalLines({ metrics, gates, windows, notifications }: Config): [string, string][] {
  const gated = gates.map(({ name, at }) => `${name} ${at.join(' and ')}`).join(', ');
  const count = windows.allow.length;
  const lines: [string, string][] = [
    ['metrics', namesOf(metrics)],
    ['gates', gated],
    ['windows', count === 0 ? '' : `${count} of changes, ${windows.timeZone}`],
    ['notifies', namesOf(notifications)],
  ];
  return lines.filter(([, text]) => text !== '');
}

/** The summary: a line for each section. */
function summaryLines(config: Config): [string, string][] {
  const { listen } = config;
  const admin = listen.admin === null ? [] : [`admin ${formatHostPort(listen.admin)}`];
  const listeners = [
    `proxy ${formatHostPort(listen.proxy)}`,
    `control ${listen.control.map(controlAddressText).join(', ')}`,
    ...admin,
  ];
  return [
    ['listen', listeners.join(', ')],
    ['workers', String(config.workers)],
    ['cluster x', clusterLine(config.clusters.x)],
    ['cluster y', clusterLine(config.clusters.y)],
    ['routing', routingLine(config.routing)],
    ['failover', failoverLine(config.failover)],
    ['limits', limitsLine(config.limits)],
    ['rollout', rolloutLine(config.rollout)],
    ['worse is', thresholdsLine(config.thresholds)],
    ...signalLines(config),
    ['control', controlLine(config)],
    ['store', config.store.sqlite],
  ];
}

/** Who may use the control API. */
function controlLine({ control: { token, tokens }, store }: Config): string {
  const given = [token === null ? '' : 'token set', tokens === null ? '' : `tokens of ${tokens}`];
  const text = given.filter((one) => one !== '').join(', ');
  return text === '' ? `a token is made at the first start, beside ${store.sqlite}` : text;
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** What `--json` prints. */
const jsonOf = (result: LoadResult): unknown =>
  result.ok
    ? { ok: true, warnings: result.warnings, config: withoutSecrets(result.config, '(set)') }
    : result;

/**
 * Checks a configuration file with the environment of `io`.
 * @returns the exit code: 0 when it is valid, with or without warnings, else 2
 */
export async function checkCommand(
  file: string,
  options: { readonly json: boolean },
  io: CliIo = processIo(),
): Promise<number> {
  const result = await checkSurroundings(loadConfigFile(file, io.env), file);
  if (options.json) {
    io.out(`${JSON.stringify(jsonOf(result), null, 2)}\n`);
  } else if (result.ok) {
    const lines = summaryLines(result.config).map(([name, text]) => `  ${name.padEnd(10)}${text}\n`);
    const { length } = result.warnings;
    io.err(formatConfigWarnings(result.warnings));
    io.out(
      `${file} is valid${length === 0 ? '' : `, with ${counted(length, 'warning')}`}.\n${lines.join('')}`,
    );
  } else {
    io.err(formatConfigProblems(result.problems));
    io.err(`${file}: ${counted(result.problems.length, 'problem')}\n`);
  }
  return result.ok ? exitCodes.done : exitCodes.badUsage;
}
