// `crossover simulate --history|--store`: replays recorded traffic with other thresholds.
import { existsSync, readFileSync } from 'node:fs';
import { fileFault } from '#src/base/file-fault.ts';
import { visibleData } from '#src/base/visible-text.ts';
import { loadConfigFile } from '#src/config/load.ts';
import type { AnalysisThresholds } from '#src/core/analysis/analysis-thresholds.ts';
import { PPM } from '#src/limits.ts';
import { openRecordedTraffic } from '#src/record/recorded-traffic.ts';
import type { TrafficWindow } from '#src/record/traffic-window.ts';
import { productDefaults } from '#src/simulator/product-defaults.ts';
import {
  type RecordNotes,
  type ReplayedRollout,
  replay,
  type ThresholdsFrom,
} from '#src/simulator/replay.ts';
import { CliError, type CliIo, exitCodes } from '#src/terminal/cli-io.ts';
import { formatConfigProblems } from '#src/terminal/config-problems.ts';
import { duration, timeOfDay, weight } from '#src/terminal/figures.ts';
import { alignRows, createStyle } from '#src/terminal/style.ts';
import type { ExportedHistory } from './history.ts';

export interface ReplayFlags {
  readonly history?: string;
  readonly store?: string;
  readonly config?: string;
  readonly json?: boolean;
}

type InForce = readonly [ThresholdsFrom, ...ThresholdsFrom[]];

/**
 * What is replayed. An export lacks earlier thresholds, the names of routes, and which routes were parked.
 */
interface Recorded {
  readonly windows: readonly TrafficWindow[];
  readonly thresholds: InForce;
  /** Which thresholds these are, in words. */
  readonly by: string;
  readonly notes?: RecordNotes;
}

/** Replays a recording. The exit code is 0, whatever the thresholds would have decided. */
export function runReplay(flags: ReplayFlags, io: CliIo): number {
  const recorded: Recorded =
    flags.history === undefined ? readStore(flags.store ?? '') : readExport(flags.history);
  if (recorded.windows.length === 0)
    throw new CliError(
      'no traffic is recorded there',
      exitCodes.failed,
      'Traffic is kept for 6 hours, from the first start of a version that records it.',
    );
  const { config } = flags;
  const inForce = config === undefined ? recorded.thresholds : fromTheStart(readThresholds(config, io));
  const by = config === undefined ? recorded.by : `the thresholds of ${config}`;
  const rollouts = replay(recorded.windows, inForce, recorded.notes);
  const { thresholds } = inForce.at(-1) ?? inForce[0];
  if (flags.json === true) io.out(`${JSON.stringify({ thresholds, rollouts })}\n`);
  else print(rollouts, recorded.windows, by, io);
  return exitCodes.done;
}

const fromTheStart = (thresholds: AnalysisThresholds): InForce => [{ atMs: 0, thresholds }];

/** Thresholds with defaults for those that did not exist when an older version wrote the record. */
const withDefaults = (kept: AnalysisThresholds): AnalysisThresholds => ({
  ...productDefaults.thresholds,
  ...kept,
});

function readExport(file: string): Recorded {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new CliError(`cannot read ${file}: ${fileFault(error)}`, exitCodes.badUsage);
  }
  if (typeof content === 'object' && content !== null && 'windows' in content && 'thresholds' in content) {
    const { windows, thresholds } = content as ExportedHistory;
    const by = 'the thresholds in force when it was exported';
    return { windows, thresholds: fromTheStart(withDefaults(thresholds)), by };
  }
  throw new CliError(
    `${file} is no exported history`,
    exitCodes.badUsage,
    'Make one with `crossover history export --output FILE`.',
  );
}

function readStore(file: string): Recorded {
  if (!existsSync(file)) throw new CliError(`there is no file ${file}`, exitCodes.badUsage);
  const read = openRecordedTraffic(file);
  if (!read.ok) throw new CliError(read.problem.text, exitCodes.failed);
  const { thresholds, windows, routeNames, parked } = read.value;
  const [first, ...later] = thresholds.map((kept) => ({
    ...kept,
    thresholds: withDefaults(kept.thresholds),
  }));
  if (first === undefined) throw new CliError(`${file} holds no configuration`, exitCodes.failed);
  const by = 'the thresholds of the record, each from when it was in force';
  return { windows, thresholds: [first, ...later], by, notes: { routeNames, parked } };
}

function readThresholds(file: string, io: CliIo): AnalysisThresholds {
  const loaded = loadConfigFile(file, io.env);
  if (loaded.ok) return loaded.config.thresholds;
  throw new CliError(
    `${file} is not a valid configuration\n${formatConfigProblems(loaded.problems).trimEnd()}`,
    exitCodes.badUsage,
  );
}

function print(
  rollouts: readonly ReplayedRollout[],
  windows: readonly TrafficWindow[],
  by: string,
  io: CliIo,
): void {
  const style = createStyle(io.color);
  const seconds = windows.reduce((sum, { dtMs }) => sum + dtMs, 0) / 1000;
  io.out(`${duration(seconds)} of recorded traffic, replayed with ${by}.\n`);
  if (rollouts.length === 0) io.out('There was no rollout in that time: nothing to replay.\n');
  // Names of routes come from clients' paths.
  for (const rollout of visibleData(rollouts)) {
    io.out(
      `\n${style.bold(`Rollout ${rollout.id}`)}, ${timeOfDay(rollout.startedAtMs)}: in the record ${endText(rollout)}.\n\n`,
    );
    io.out(
      `${alignRows(stepRows(rollout))
        .map((line) => `  ${line}`)
        .join('\n')}\n\n`,
    );
    io.out(`${[verdictText(rollout), ...limitTexts(rollout)].join('\n')}\n`);
  }
}

const spanText = (fromMs: number, toMs: number): string => duration((toMs - fromMs) / 1000);

function endText({ recordedEnd, revertedLater, startedAtMs, recordedEndAtMs }: ReplayedRollout): string {
  const end = `${recordedEnd} after ${spanText(startedAtMs, recordedEndAtMs)}`;
  return revertedLater ? `${end}, and sent back by hand later` : end;
}

/** What the record lacks or the replay leaves out, where it may have changed the result. */
function limitTexts({ parked, missingMs }: ReplayedRollout): string[] {
  const texts: string[] = [];
  if (parked.length > 0)
    texts.push(
      `In the record, ${parked.join(', ')} was parked on X. Parking is not replayed: such a route counts here like any other, and reverts.`,
    );
  if (missingMs > 0)
    texts.push(
      `${duration(missingMs / 1000)} of counts are missing in the record: Crossover was killed before it wrote them, or did not run.`,
    );
  return texts;
}

const stepRows = ({ steps }: ReplayedRollout): string[][] => [
  ['WEIGHT', 'IN THE RECORD', 'EVIDENCE SUFFICED'],
  ...steps.map(({ weightPpm, enteredAtMs, leftAtMs, readyAtMs, lastHold }) => [
    weight((weightPpm / PPM) * 100),
    spanText(enteredAtMs, leftAtMs),
    readyAtMs === null
      ? `never: ${lastHold ?? 'reverted before'}`
      : `after ${spanText(enteredAtMs, readyAtMs)}`,
  ]),
];

function verdictText({ revert, startedAtMs }: ReplayedRollout): string {
  if (revert === null) return 'It would not have been reverted for what the analysis saw.';
  const at = `${spanText(startedAtMs, revert.atMs)}, at ${weight((revert.weightPpm / PPM) * 100)} on Y`;
  return `It would have been reverted after ${at}: ${revert.text}.`;
}
