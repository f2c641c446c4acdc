// Reads the recorded traffic of a store file without changing it: the Crossover that owns the file may be running.
import { DatabaseSync } from 'node:sqlite';
import { inflateRawSync } from 'node:zlib';
import type { Config } from '#src/config/config.ts';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import type { TrafficWindow } from '../traffic-window.ts';
import { newerSchema } from './migrations.ts';
import { problemFrom, problemOf, type StoreResult } from './store-result.ts';

export interface RecordedTraffic {
  /** Of the last kept config; null when none was kept. */
  readonly thresholds: Config['thresholds'] | null;
  /** Oldest first. */
  readonly windows: readonly TrafficWindow[];
  /** Names of the configured routes of the last kept config by their slot; no others are kept. */
  readonly routeNames: readonly string[];
  /** Routes that were parked, by the rollout's id. */
  readonly parked: ReadonlyMap<string, readonly string[]>;
}

/** What is read of a kept config. Earlier versions may have kept less. */
type KeptConfig = Pick<Config, 'thresholds'> & Partial<Pick<Config, 'routing'>>;

/** Everything that `file` has. Files from before traffic was recorded have no windows. */
export function openRecordedTraffic(file: string): StoreResult<RecordedTraffic> {
  let db: DatabaseSync | null = null;
  try {
    db = new DatabaseSync(file, { readOnly: true });
    const newer = newerSchema(db);
    if (newer !== null) return { ok: false, problem: problemOf('newer-schema', file, newer) };
    const config = lastConfig(db);
    const names = config?.routing?.routes.map(({ name }) => name) ?? [];
    return {
      ok: true,
      value: {
        thresholds: config?.thresholds ?? null,
        windows: allWindows(db),
        // Patterns of one name are one route, and slots are handed out in their order.
        routeNames: [...new Set(names)],
        parked: parkedRoutes(db),
      },
    };
  } catch (error) {
    return { ok: false, problem: problemFrom(error, file) };
  } finally {
    if (db?.isOpen) db.close();
  }
}

const hasTable = (db: DatabaseSync, name: string): boolean =>
  db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(name) !== undefined;

function lastConfig(db: DatabaseSync): KeptConfig | null {
  if (!hasTable(db, 'configs')) return null;
  const row = db.prepare('SELECT config FROM configs ORDER BY id DESC LIMIT 1').get();
  return row === undefined ? null : (JSON.parse(String(row.config)) as KeptConfig);
}

/** Of a file that an earlier version wrote, nothing. */
function parkedRoutes(db: DatabaseSync): Map<string, readonly string[]> {
  const hasRecords = db.prepare("SELECT 1 FROM pragma_table_info('transitions') WHERE name = 'record'").get();
  if (hasRecords === undefined) return new Map();
  const rows = db
    .prepare(
      "SELECT record FROM transitions WHERE json_extract(record, '$.name') = 'route-parked' ORDER BY id",
    )
    .all()
    .map(({ record }) => (JSON.parse(String(record)) as Transition).to);
  return new Map(
    rows.flatMap((to) => ('plan' in to ? [[to.plan.id, (to.parked ?? []).map(({ name }) => name)]] : [])),
  );
}

function allWindows(db: DatabaseSync): TrafficWindow[] {
  if (!hasTable(db, 'traffic')) return [];
  return db
    .prepare('SELECT windows FROM traffic ORDER BY at_ms')
    .all()
    .flatMap((row) => unpackWindows(row.windows));
}

/** The windows of one record. */
export const unpackWindows = (packed: unknown): TrafficWindow[] =>
  JSON.parse(inflateRawSync(packed as Uint8Array).toString()) as TrafficWindow[];
