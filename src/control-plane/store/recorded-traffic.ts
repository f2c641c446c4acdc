// Reads the recorded traffic of a store file without changing it: the Crossover that owns the file may be running.
import { DatabaseSync } from 'node:sqlite';
import { inflateRawSync } from 'node:zlib';
import type { Config } from '#src/config/config.ts';
import type { TrafficWindow } from '../traffic-window.ts';
import { problemFrom, type StoreResult } from './store-result.ts';

export interface RecordedTraffic {
  /** Of the last kept config; null when none was kept. */
  readonly thresholds: Config['thresholds'] | null;
  /** Oldest first. */
  readonly windows: readonly TrafficWindow[];
}

/** Everything that `file` has. Files from before traffic was recorded have no windows. */
export function openRecordedTraffic(file: string): StoreResult<RecordedTraffic> {
  let db: DatabaseSync | null = null;
  try {
    db = new DatabaseSync(file, { readOnly: true });
    return { ok: true, value: { thresholds: lastThresholds(db), windows: allWindows(db) } };
  } catch (error) {
    return { ok: false, problem: problemFrom(error, file) };
  } finally {
    if (db?.isOpen) db.close();
  }
}

const hasTable = (db: DatabaseSync, name: string): boolean =>
  db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(name) !== undefined;

function lastThresholds(db: DatabaseSync): Config['thresholds'] | null {
  if (!hasTable(db, 'configs')) return null;
  const row = db.prepare('SELECT config FROM configs ORDER BY id DESC LIMIT 1').get();
  return row === undefined ? null : (JSON.parse(String(row.config)) as Config).thresholds;
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
