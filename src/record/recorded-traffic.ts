// Reads the recorded traffic of a store file without changing it: the Crossover that owns the file may be
// running.
import { DatabaseSync } from 'node:sqlite';
import { inflateRawSync } from 'node:zlib';
import type { Config } from '#src/config/config.ts';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import { alienFile } from './record-file.ts';
import { refusedSchema } from './schema-check.ts';
import { problemFrom, type StoreResult } from './store-result.ts';
import type { TrafficWindow } from './traffic-window.ts';

interface RecordedTraffic {
  /** Of each kept config, oldest first; empty when none was kept. */
  readonly thresholds: readonly KeptThresholds[];
  /** Oldest first. */
  readonly windows: readonly TrafficWindow[];
  /** Names of the configured routes of the last kept config by their slot; no others are kept. */
  readonly routeNames: readonly string[];
  /** Routes that were parked, by the rollout's id. */
  readonly parked: ReadonlyMap<string, readonly string[]>;
}

/** Thresholds that were in force from a time on. */
interface KeptThresholds {
  /** Unix epoch ms. */
  readonly atMs: number;
  readonly thresholds: Config['thresholds'];
}

/** What is read of a kept config. Earlier versions may have kept less. */
type KeptConfig = Pick<Config, 'thresholds'> & Partial<Pick<Config, 'routing'>>;

/** Everything that `file` has. Files from before traffic was recorded have no windows. */
export function openRecordedTraffic(file: string): StoreResult<RecordedTraffic> {
  let db: DatabaseSync | null = null;
  try {
    const alien = alienFile(file);
    if (alien !== null) return { ok: false, problem: alien };
    db = new DatabaseSync(file, { readOnly: true });
    const refused = refusedSchema(db, file);
    if (refused !== null) return { ok: false, problem: refused };
    const configs = keptConfigs(db);
    const names = configs.at(-1)?.config.routing?.routes.map(({ name }) => name) ?? [];
    return {
      ok: true,
      value: {
        thresholds: configs.map(({ atMs, config }) => ({ atMs, thresholds: config.thresholds })),
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

function keptConfigs(db: DatabaseSync): { atMs: number; config: KeptConfig }[] {
  if (!hasTable(db, 'configs')) return [];
  return db
    .prepare('SELECT at_ms, config FROM configs ORDER BY id')
    .all()
    .map((row) => ({ atMs: Number(row.at_ms), config: JSON.parse(String(row.config)) as KeptConfig }));
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
