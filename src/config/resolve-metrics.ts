// Checks and resolves business metrics: each has one source and a rule that fits it.
import type { ValueRule } from '#src/core/analysis/value-rule.ts';
import { itemsOf, type Report } from './problem-report.ts';
import {
  checkBounds,
  checkNames,
  checkUrl,
  itemDuration,
  oneOf,
  promqlSource,
  refuseKeys,
  secretOf,
} from './resolve-signals.ts';
import type { WrittenConfig } from './schema.ts';
import { signalDefaults } from './signal-terms.ts';
import type { BusinessMetric, TrialsMetric, ValueMetric } from './signals-config.ts';
import { parsePercent } from './units.ts';
import type { ConfigPath } from './yaml-source.ts';

type Written = WrittenConfig['metrics'][number];

const namesCluster = (template: string): boolean => /\{\{(cluster|label)\}\}/.test(template);

export function resolveMetrics(written: WrittenConfig['metrics'], report: Report): readonly BusinessMetric[] {
  checkNames(written, 'metrics', report);
  return [...itemsOf(written)].map(([index, metric]) => resolveMetric(metric, ['metrics', index], report));
}

function resolveMetric(written: Written, path: ConfigPath, report: Report): BusinessMetric {
  const { name, pushed } = written;
  const kind = oneOf(written, ['promql', 'webhook', 'pushed'], path, report);
  if (kind !== 'promql') refuseKeys(written, ['prometheus'], 'belongs to promql', path, report);
  if (kind !== 'webhook') refuseKeys(written, ['pointer'], 'belongs to webhook', path, report);
  if (kind === 'pushed')
    refuseKeys(written, ['timeout', 'token'], 'nothing is asked for pushed samples', path, report);
  const defaults = signalDefaults.metric;
  const intervalMs = itemDuration(written.interval ?? defaults.interval, [...path, 'interval'], report);
  if (kind === 'pushed' && pushed === 'trials') return trialsMetric(written, intervalMs, path, report);
  const source = sourceOf(kind, written, path, report);
  const rule = ruleOf(written, path, report);
  checkComparable(source, rule, path, report);
  return {
    kind: 'value',
    name,
    source,
    rule,
    intervalMs,
    timeoutMs: itemDuration(written.timeout ?? defaults.timeout, [...path, 'timeout'], report),
    onViolation: (written.onViolation ?? defaults.onViolation) as ValueMetric['onViolation'],
    failuresInARow: written.failuresInARow ?? defaults.failuresInARow,
  };
}

function trialsMetric(written: Written, intervalMs: number, path: ConfigPath, report: Report): TrialsMetric {
  const beside = ['min', 'max', 'worse', 'onViolation', 'failuresInARow'] as const;
  refuseKeys(written, beside, 'trials are tested like errors, by timesX and overX', path, report);
  const timesX = written.timesX ?? 1;
  if (timesX < 1)
    report([...path, 'timesX'], `expected a number of at least 1 for trials, got ${timesX}`, null);
  const overX = parsePercent(written.overX ?? 0);
  if (overX === null || overX >= 1)
    report([...path, 'overX'], 'expected a share below 1, such as 0.5% or 0.005', null);
  if (timesX === 1 && overX === 0)
    report(path, 'timesX above 1, overX above 0, or both are needed', 'such as timesX: 1.1 and overX: 0.5%');
  return { kind: 'trials', name: written.name, timesX, overX: overX ?? 0, intervalMs };
}

function sourceOf(
  kind: 'promql' | 'webhook' | 'pushed' | null,
  written: Written,
  path: ConfigPath,
  report: Report,
): ValueMetric['source'] {
  if (kind === 'promql') return promqlSource(written, path, report);
  if (kind !== 'webhook') return { kind: 'pushed' };
  const url = checkUrl(written.webhook, [...path, 'webhook'], report);
  return { kind, url, pointer: written.pointer ?? '', token: secretOf(written.token) };
}

function ruleOf(written: Written, path: ConfigPath, report: Report): ValueRule {
  const { min, max, timesX, overX } = written;
  const isBounded = min !== undefined || max !== undefined;
  if (!isBounded && timesX === undefined && overX === undefined)
    report(path, 'a rule is needed', 'min, max, or timesX and overX');
  if (isBounded) {
    refuseKeys(
      written,
      ['timesX', 'overX', 'worse'],
      'compares with X, and min and max do not',
      path,
      report,
    );
    checkBounds(written, path, report);
    return { kind: 'bounds', min: min ?? null, max: max ?? null };
  }
  return comparisonOf(written, path, report);
}

function comparisonOf(written: Written, path: ConfigPath, report: Report): ValueRule {
  const { timesX = 1, overX = 0 } = written;
  const worse = (written.worse ?? signalDefaults.metric.worse) as 'higher' | 'lower';
  if (typeof overX === 'string')
    report(
      [...path, 'overX'],
      `"${overX}" is a share, and values have none`,
      'write it in the unit of the value',
    );
  // Otherwise a Y that is exactly like X would violate the rule.
  if (worse === 'higher' && timesX < 1)
    report(
      [...path, 'timesX'],
      `with ${timesX}, a Y like X would be worse than allowed`,
      'at least 1, or worse: lower',
    );
  if (worse === 'lower' && timesX > 1)
    report(
      [...path, 'timesX'],
      `with ${timesX}, a Y like X would be worse than allowed`,
      'at most 1 with worse: lower',
    );
  return { kind: 'comparison', worse, timesX, overX: typeof overX === 'string' ? 0 : overX };
}

/** A comparison asks for a number of each cluster, so its query or URL has to name the cluster. */
function checkComparable(
  source: ValueMetric['source'],
  rule: ValueRule,
  path: ConfigPath,
  report: Report,
): void {
  if (rule.kind !== 'comparison' || source.kind === 'pushed') return;
  const [key, template] = source.kind === 'promql' ? ['promql', source.query] : ['webhook', source.url];
  if (template !== '' && !namesCluster(template))
    report(
      [...path, key as string],
      'asks the same for X and Y',
      'put {{cluster}} or {{label}} where they differ',
    );
}
