// Log lines that say why requests fail: what upstreams did and what this proxy was short of. Read from what
// the workers count, so that a cause has one line a minute however many workers see it, and a failure costs
// the worker a counter.

import { failureCauses } from '#src/core/telemetry/failure-cause.ts';
import { type OwnResource, ownResources, shortOperations } from '#src/core/telemetry/own-shortage.ts';
import { armNames, causesOffset, noNodeSlot, shortageOffset, WORKER } from '#src/shared-memory/layout.ts';
import type { LogLine } from '#src/shared-memory/messages.ts';
import type { SharedMemory } from '#src/shared-memory/shared-memory.ts';
import { armOf, type NodeDirectory } from './node-directory.ts';

/** At most one line per cause and node in this time; its count has what came since the line before. */
const lineEveryMs = 60_000;
const lookEveryMs = 1_000;

/** Clients that gave way to others, by what they kept a place for. */
const gaveWay = [
  { counter: 'gaveWayLeft', reason: 'left' },
  { counter: 'gaveWayUpload', reason: 'upload' },
  { counter: 'gaveWayReader', reason: 'reader' },
  { counter: 'gaveWaySilent', reason: 'silent' },
  { counter: 'gaveWayIdle', reason: 'idle' },
] as const;

interface FailureLogOptions {
  readonly memory: SharedMemory;
  readonly directory: NodeDirectory;
  readonly checkShortages: ReadonlyMap<OwnResource, number>;
  readonly log: (line: LogLine) => void;
}

/** Something that is counted, with the line that is written when it grew. */
interface Counted {
  readonly key: string;
  readonly total: number;
  readonly line: (count: number) => LogLine;
}

interface LastLine {
  readonly total: number;
  readonly atMs: number;
}

export class FailureLog {
  readonly #options: FailureLogOptions;
  readonly #slabs: readonly Float64Array[];
  #lastLines: ReadonlyMap<string, LastLine>;
  #lookedAtMs: number;

  /** What was counted before, by an earlier control thread's time, is not logged again. */
  constructor(options: FailureLogOptions) {
    this.#options = options;
    this.#slabs = options.memory.slabs.map((slab) => new Float64Array(slab));
    this.#lookedAtMs = Number.NEGATIVE_INFINITY;
    this.#lastLines = new Map(
      this.#everything().map(({ key, total }) => [key, { total, atMs: Number.NEGATIVE_INFINITY }]),
    );
  }

  /** Looks once a second; call it every tick. */
  observe(nowMs: number): void {
    if (nowMs - this.#lookedAtMs < lookEveryMs) return;
    this.#lookedAtMs = nowMs;
    this.#lastLines = new Map(
      this.#everything().map((counted) => [counted.key, this.#lineOf(counted, nowMs)]),
    );
  }

  /** Writes the line when it is due. */
  #lineOf({ key, total, line }: Counted, nowMs: number): LastLine {
    const last = this.#lastLines.get(key) ?? { total: 0, atMs: Number.NEGATIVE_INFINITY };
    // A counter that shrank belongs to another node now.
    const count = total < last.total ? total : total - last.total;
    if (count === 0 || nowMs - last.atMs < lineEveryMs) return last;
    this.#options.log(line(count));
    return { total, atMs: nowMs };
  }

  /** All that was ever counted. */
  #everything(): Counted[] {
    return [...this.#causes(), ...this.#shortages(), ...this.#leavers()];
  }

  #causes(): Counted[] {
    const { directory } = this.#options;
    return armNames.flatMap((cluster) => {
      const nodes = directory.of(cluster).map(({ id, slot }) => ({ node: id as string | null, slot }));
      return [...nodes, { node: null, slot: noNodeSlot }].flatMap(({ node, slot }) =>
        failureCauses.flatMap(({ index, phase, code }) => {
          const total = this.#sum(causesOffset(armOf(cluster), slot) + index);
          if (total === 0) return [];
          const line = (count: number): LogLine => ({
            level: 'warn',
            message: 'requests failed at an upstream',
            fields: { cluster, node, phase, code, count },
          });
          return [{ key: `${cluster} ${node} ${index}`, total, line }];
        }),
      );
    });
  }

  #shortages(): Counted[] {
    const ofWorkers = shortOperations.flatMap((operation) =>
      ownResources.map((resource) =>
        shortage(operation, resource, this.#sum(shortageOffset(operation, resource))),
      ),
    );
    const ofChecks = [...this.#options.checkShortages].map(([resource, total]) =>
      shortage('check', resource, total),
    );
    return [...ofWorkers, ...ofChecks].filter(({ total }) => total > 0);
  }

  #leavers(): Counted[] {
    return gaveWay.flatMap(({ counter, reason }) => {
      const total = this.#sum(WORKER[counter]);
      const line = (count: number): LogLine => ({
        level: 'warn',
        message: 'clients gave way to others, because places were short',
        fields: { reason, count },
      });
      return total === 0 ? [] : [{ key: `gave way ${reason}`, total, line }];
    });
  }

  #sum(offset: number): number {
    return this.#slabs.reduce((sum, slab) => sum + (slab[offset] as number), 0);
  }
}

const shortage = (operation: string, resource: OwnResource, total: number): Counted => ({
  key: `${operation} ${resource}`,
  total,
  line: (count) => ({
    level: 'warn',
    message: 'a resource of this proxy is short',
    fields: { operation, resource, count },
  }),
});
