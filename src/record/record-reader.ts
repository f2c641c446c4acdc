// Questions to the record: its chains, its rollouts, its evidence. Reads only, also from files of older
// versions, whose missing tables are empty ones. Throws what SQLite throws; its callers turn that into
// problems.
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { inflateRawSync } from 'node:zlib';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import type { FrozenEvidence } from './frozen-evidence.ts';
import type { ChainEnd, ChainName, ChainRow } from './hash-chain.ts';
import type { MinuteRow, RecordedEvent } from './recorded-event.ts';
import type { TrafficWindow } from './traffic-window.ts';

type Row = Record<string, unknown>;

/** Frozen evidence without its bulk. */
export type EvidenceSummary = Omit<FrozenEvidence, 'verdict' | 'windows' | 'routes' | 'samples' | 'nodes'>;

/** A rollout as a list shows it. */
export interface RolloutSummary {
  readonly id: string;
  readonly startedAtMs: number;
  readonly startedBy: string;
  readonly reason: string;
}

/** The text that a row's hash is over. */
export const recordTextOf: Readonly<Record<ChainName, string>> = {
  events: 'record',
  transitions: 'record',
  configs: 'CAST(at_ms AS INTEGER) || char(10) || config',
  evidence: 'record',
};

export class RecordReader {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Rows with `after < id <= last`, in order. */
  chainRows(chain: ChainName, after: number, last: number, limit: number): ChainRow[] {
    if (!this.#isChained(chain)) return [];
    const sql = `SELECT id, ${recordTextOf[chain]} AS record, prev_hash, hash FROM ${chain} WHERE id > ? AND id <= ? ORDER BY id LIMIT ?`;
    return this.#all(sql, after, last, limit).map((row) => ({
      id: Number(row.id),
      record: String(row.record),
      previousHash: String(row.prev_hash),
      hash: String(row.hash),
    }));
  }

  /** The last record that was written, whether it is still there or not; null when there was none. */
  chainEnd(chain: ChainName): ChainEnd | null {
    if (!this.#isChained(chain)) return null;
    const row = this.#hasColumn('chain_ends', 'chain')
      ? this.#get('SELECT id, hash FROM chain_ends WHERE chain = ?', chain)
      : this.#get(`SELECT id, hash FROM ${chain} ORDER BY id DESC LIMIT 1`);
    return row === undefined ? null : { id: Number(row.id), hash: String(row.hash) };
  }

  /** The newest, newest first. */
  evidenceList(limit: number): EvidenceSummary[] {
    if (!this.#isChained('evidence')) return [];
    const sql = `SELECT json_remove(record, '$.verdict', '$.windows', '$.routes', '$.samples', '$.nodes') AS record
      FROM evidence ORDER BY id DESC LIMIT ?`;
    return this.#all(sql, limit).map((row) => JSON.parse(String(row.record)) as EvidenceSummary);
  }

  /** Null when there is none with this id. */
  evidence(id: string): FrozenEvidence | null {
    if (!this.#isChained('evidence')) return null;
    const sql = `SELECT record FROM evidence WHERE record ->> '$.id' = ? ORDER BY id DESC LIMIT 1`;
    const row = this.#get(sql, id);
    return row === undefined ? null : (JSON.parse(String(row.record)) as FrozenEvidence);
  }

  /** Rollouts that were started, the latest first. */
  rollouts(limit: number): RolloutSummary[] {
    const sql = `SELECT record -> '$.to.plan' AS plan FROM transitions WHERE record ->> '$.name' = 'started' ORDER BY id DESC LIMIT ?`;
    return this.#all(sql, limit).map((row) => {
      const { id, startedAtMs, startedBy, reason } = JSON.parse(String(row.plan)) as RolloutSummary;
      return { id, startedAtMs, startedBy, reason };
    });
  }

  /** Every transition of a rollout, in order. */
  transitionsOf(rolloutId: string): Transition[] {
    const sql = `SELECT record FROM transitions
      WHERE record ->> '$.to.plan.id' = ?
        OR (record ->> '$.name' = 'preflight-failed' AND record ->> '$.from.plan.id' = ?) ORDER BY id`;
    return this.#all(sql, rolloutId, rolloutId).map((row) => JSON.parse(String(row.record)) as Transition);
  }

  /** Everything that happened from a rollout's first event to its last, in order; the first `limit`. */
  eventsOf(rolloutId: string, limit: number): RecordedEvent[] {
    // Canonical JSON has one spelling, and within a string its quotes would be escaped: this finds the member
    // only.
    const mark = `"rollout":${JSON.stringify(rolloutId)}`;
    const range = this.#get(
      'SELECT min(id) AS first, max(id) AS last FROM events WHERE instr(record, ?) > 0',
      mark,
    );
    if (range === undefined || range.first === null) return [];
    const sql = 'SELECT record FROM events WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?';
    return this.#all(sql, Number(range.first), Number(range.last), limit).map(
      (row) => JSON.parse(String(row.record)) as RecordedEvent,
    );
  }

  /** The config that was in force when an event was recorded; null when none was kept. */
  configAt(eventId: number): unknown {
    const sql = `SELECT record ->> '$.detail.configVersion' AS version FROM events
      WHERE id <= ? AND instr(record, '"configVersion":') > 0 ORDER BY id DESC LIMIT 1`;
    const version = this.#get(sql, eventId)?.version ?? null;
    if (version === null || !this.#hasColumn('configs', 'config')) return null;
    const row = this.#get('SELECT config FROM configs WHERE id = ?', Number(version));
    return row === undefined ? null : (JSON.parse(String(row.config)) as unknown);
  }

  /** Windows of saves that begin at `fromMs <= at < toMs`, oldest first, of at most `limit` saves. */
  traffic(fromMs: number, toMs: number, limit: number): TrafficWindow[] {
    if (!this.#hasColumn('traffic', 'windows')) return [];
    const sql = 'SELECT windows FROM traffic WHERE at_ms >= ? AND at_ms < ? ORDER BY at_ms LIMIT ?';
    return this.#all(sql, fromMs, toMs, limit).flatMap(
      (row) => JSON.parse(inflateRawSync(row.windows as Uint8Array).toString()) as TrafficWindow[],
    );
  }

  /** Minutes with `fromMs <= atMs < toMs`, oldest first. */
  minutes(fromMs: number, toMs: number): MinuteRow[] {
    if (!this.#hasColumn('minutes', 'traffic')) return [];
    const sql = 'SELECT traffic FROM minutes WHERE at_ms >= ? AND at_ms < ? ORDER BY at_ms';
    return this.#all(sql, fromMs, toMs).map((row) => JSON.parse(String(row.traffic)) as MinuteRow);
  }

  #isChained(chain: ChainName): boolean {
    return this.#hasColumn(chain, 'hash');
  }

  #hasColumn(table: string, column: string): boolean {
    const sql = 'SELECT 1 FROM pragma_table_info(?) WHERE name = ?';
    return this.#get(sql, table, column) !== undefined;
  }

  #get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#db.prepare(sql).get(...values);
  }

  #all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#db.prepare(sql).all(...values);
  }
}
