// The embedded store on node:sqlite. One file, write-ahead log; what decides about traffic is flushed to disk
// before the call returns, what only describes it is not. See durable-store.ts for what happens while the
// file is unusable.
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { deflateRawSync } from 'node:zlib';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import { canonicalJson } from '#src/record/canonical-json.ts';
import type { FrozenEvidence } from '#src/record/frozen-evidence.ts';
import { brokenLink, type ChainName, chainHash, chainNames, chainStart } from '#src/record/hash-chain.ts';
import { migrate, newerSchema } from '#src/record/migrations.ts';
import { RecordReader } from '#src/record/record-reader.ts';
import type { MinuteRow, RecordedEvent } from '#src/record/recorded-event.ts';
import { unpackWindows } from '#src/record/recorded-traffic.ts';
import type { SavedSnapshot, Store } from '#src/record/store.ts';
import {
  done,
  problemFrom,
  problemOf,
  type StoreProblem,
  type StoreResult,
} from '#src/record/store-result.ts';
import type { TrafficWindow } from '#src/record/traffic-window.ts';

/**
 * How long a statement waits for another process' lock: whoever takes one, such as a backup, gives it back at
 * once.
 */
export const busyTimeoutMsDefault = 50;
/** Minutes kept: 30 days, about 10 MB. */
const minutesKept = 30 * 24 * 60;
/**
 * All counts are kept for six hours, longer than most rollouts take: 30 MB at 1,000 requests/s, 100 MB at
 * most.
 */
const trafficKeptMs = 6 * 60 * 60_000;

type Row = Record<string, unknown>;

/** Opens or creates the file, checks it and brings its schema up to date. */
export function openSqliteStore(
  file: string,
  busyTimeoutMs = busyTimeoutMsDefault,
): StoreResult<SqliteStore> {
  let db: DatabaseSync | null = null;
  try {
    mkdirSync(dirname(file), { recursive: true });
    db = new DatabaseSync(file, { timeout: busyTimeoutMs });
    const problem = refusalOf(db, file);
    if (problem !== null) {
      db.close();
      return { ok: false, problem };
    }
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 256');
    migrate(db);
    return { ok: true, value: new SqliteStore(db, file) };
  } catch (error) {
    if (db?.isOpen) db.close();
    return { ok: false, problem: problemFrom(error, file) };
  }
}

/** Why a file must be left as it is: written by a newer version, or damaged. */
function refusalOf(db: DatabaseSync, file: string): StoreProblem | null {
  const newer = newerSchema(db);
  if (newer !== null) return problemOf('newer-schema', file, newer);
  const finding = db.prepare('PRAGMA quick_check(1)').get()?.quick_check;
  return finding === 'ok' ? null : problemOf('corrupt', file, String(finding));
}

export class SqliteStore implements Store {
  readonly #db: DatabaseSync;
  readonly #file: string;
  readonly #record: RecordReader;
  readonly #statements = new Map<string, StatementSync>();

  constructor(db: DatabaseSync, file: string) {
    this.#db = db;
    this.#file = file;
    this.#record = new RecordReader(db);
  }

  loadRollout(): StoreResult<RolloutState | null> {
    return this.#attempt(() => {
      const row = this.#get('SELECT state FROM rollout WHERE id = 1');
      return row === undefined ? null : (JSON.parse(String(row.state)) as RolloutState);
    });
  }

  saveRollout(state: RolloutState): StoreResult<undefined> {
    return this.#attempt(() => this.#flushed(() => this.#putRollout(state)));
  }

  saveTransition(transition: Transition, state: RolloutState, event: RecordedEvent): StoreResult<undefined> {
    return this.#attempt(() =>
      this.#flushed(() => {
        this.#append('transitions', this.#lastId('transitions') + 1, transition);
        this.#append('events', event.id, event);
        this.#putRollout(state);
      }),
    );
  }

  appendEvent(event: RecordedEvent): StoreResult<undefined> {
    return this.#attempt(() => this.#inTransaction(() => this.#append('events', event.id, event)));
  }

  readEvents(after: number, limit: number): StoreResult<RecordedEvent[]> {
    return this.#attempt(() =>
      this.#all('SELECT record FROM events WHERE id > ? ORDER BY id LIMIT ?', after, limit).map(
        (row) => JSON.parse(String(row.record)) as RecordedEvent,
      ),
    );
  }

  lastEventId(): StoreResult<number> {
    return this.#attempt(() => this.#lastId('events'));
  }

  saveAnalysis(atMs: number, snapshot: unknown): StoreResult<undefined> {
    const sql = 'INSERT OR REPLACE INTO analysis (id, at_ms, snapshot) VALUES (1, ?, ?)';
    return this.#attempt(() => this.#run(sql, atMs, JSON.stringify(snapshot)));
  }

  loadAnalysis(): StoreResult<SavedSnapshot | null> {
    return this.#attempt(() => {
      const row = this.#get('SELECT at_ms, snapshot FROM analysis WHERE id = 1');
      if (row === undefined) return null;
      return { atMs: Number(row.at_ms), snapshot: JSON.parse(String(row.snapshot)) as unknown };
    });
  }

  /** On the disk when it returns: a freeze that a power cut forgets is none. */
  saveSetting(name: string, value: unknown): StoreResult<undefined> {
    const sql = 'INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)';
    return this.#attempt(() => this.#flushed(() => this.#run(sql, name, JSON.stringify(value))));
  }

  loadSettings(): StoreResult<Record<string, unknown>> {
    return this.#attempt(() =>
      Object.fromEntries(
        this.#all('SELECT name, value FROM settings').map(({ name, value }) => [
          String(name),
          JSON.parse(String(value)) as unknown,
        ]),
      ),
    );
  }

  saveConfig(atMs: number, config: unknown): StoreResult<number> {
    return this.#attempt(() => {
      const text = canonicalJson(config);
      const sha256 = createHash('sha256').update(text).digest('hex');
      const last = this.#get('SELECT id, sha256 FROM configs ORDER BY id DESC LIMIT 1');
      if (last?.sha256 === sha256) return Number(last.id);
      const id = this.#lastId('configs') + 1;
      this.#inTransaction(() => {
        const at = Math.round(atMs);
        const { previousHash, hash } = this.#link('configs', id, `${at}\n${text}`);
        const sql =
          'INSERT INTO configs (id, at_ms, sha256, config, prev_hash, hash) VALUES (?, ?, ?, ?, ?, ?)';
        this.#run(sql, id, at, sha256, text, previousHash, hash);
      });
      return id;
    });
  }

  saveEvidence(evidence: FrozenEvidence, event: RecordedEvent): StoreResult<undefined> {
    return this.#attempt(() =>
      this.#inTransaction(() => {
        this.#append('evidence', this.#lastId('evidence') + 1, evidence);
        this.#append('events', event.id, event);
      }),
    );
  }

  saveMinute(row: MinuteRow): StoreResult<undefined> {
    return this.#attempt(() =>
      this.#inTransaction(() => {
        const oldestMs = row.atMs - minutesKept * 60_000;
        this.#run('DELETE FROM minutes WHERE at_ms < ?', oldestMs);
        const sql = 'INSERT OR REPLACE INTO minutes (at_ms, traffic) VALUES (?, ?)';
        this.#run(sql, row.atMs, JSON.stringify(row));
      }),
    );
  }

  readMinutes(fromMs: number, toMs: number, limit: number): StoreResult<MinuteRow[]> {
    const sql = 'SELECT traffic FROM minutes WHERE at_ms >= ? AND at_ms < ? ORDER BY at_ms LIMIT ?';
    return this.#attempt(() =>
      this.#all(sql, fromMs, toMs, limit).map((row) => JSON.parse(String(row.traffic)) as MinuteRow),
    );
  }

  saveTraffic(windows: readonly TrafficWindow[]): StoreResult<undefined> {
    const [first] = windows;
    if (first === undefined) return done;
    return this.#attempt(() =>
      this.#inTransaction(() => {
        this.#run('DELETE FROM traffic WHERE at_ms < ?', first.atMs - trafficKeptMs);
        const packed = deflateRawSync(JSON.stringify(windows), { level: 1 });
        this.#run(
          'INSERT OR REPLACE INTO traffic (at_ms, windows) VALUES (?, ?)',
          Math.round(first.atMs),
          packed,
        );
      }),
    );
  }

  readTraffic(fromMs: number, toMs: number, limit: number): StoreResult<TrafficWindow[]> {
    const sql = 'SELECT windows FROM traffic WHERE at_ms >= ? AND at_ms < ? ORDER BY at_ms LIMIT ?';
    return this.#attempt(() =>
      this.#all(sql, fromMs, toMs, limit).flatMap((row) => unpackWindows(row.windows)),
    );
  }

  verifyRecord(count: number): StoreResult<string | null> {
    return this.#attempt(() => {
      for (const chain of chainNames) {
        const broken = this.#brokenLink(chain, count);
        if (broken !== null) return broken;
      }
      return null;
    });
  }

  readRecord<T>(query: (record: RecordReader) => T): StoreResult<T> {
    return this.#attempt(() => query(this.#record));
  }

  checkWritable(): StoreResult<undefined> {
    return this.#attempt(() => this.#inTransaction(() => {}));
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }

  #putRollout(state: RolloutState): void {
    this.#run('INSERT OR REPLACE INTO rollout (id, state) VALUES (1, ?)', JSON.stringify(state));
  }

  /**
   * Appends to a chain. The stored text is the one that was hashed, so a checker needs no knowledge of us.
   */
  #append(chain: ChainName, id: number, record: object): void {
    const text = canonicalJson(record);
    const { previousHash, hash } = this.#link(chain, id, text);
    this.#run(
      `INSERT INTO ${chain} (id, record, prev_hash, hash) VALUES (?, ?, ?, ?)`,
      id,
      text,
      previousHash,
      hash,
    );
  }

  /** Makes a text the new end of its chain; the caller inserts it in the same transaction. */
  #link(chain: ChainName, id: number, text: string): { previousHash: string; hash: string } {
    const last = this.#get(`SELECT hash FROM ${chain} ORDER BY id DESC LIMIT 1`);
    const previousHash = last === undefined ? chainStart : String(last.hash);
    const hash = chainHash(previousHash, text);
    this.#run('INSERT OR REPLACE INTO chain_ends (chain, id, hash) VALUES (?, ?, ?)', chain, id, hash);
    return { previousHash, hash };
  }

  #lastId(table: ChainName): number {
    return Number(this.#get(`SELECT max(id) AS id FROM ${table}`)?.id ?? 0);
  }

  #brokenLink(chain: ChainName, count: number): string | null {
    const end = this.#record.chainEnd(chain);
    const ids = this.#all(`SELECT id FROM ${chain} ORDER BY id DESC LIMIT ?`, count);
    const firstId = Number(ids.at(-1)?.id ?? 0);
    const rows = this.#record.chainRows(chain, firstId - 1, Number(ids[0]?.id ?? 0), count);
    const startHash = rows.length < count ? chainStart : (rows[0]?.previousHash ?? chainStart);
    const broken = brokenLink(rows, startHash);
    if (broken !== null) return `Record ${broken.id} of ${chain} does not fit the hash chain.`;
    if (end === null || rows.at(-1)?.hash === end.hash) return null;
    return `Record ${end.id} of ${chain}, the last one written, is missing.`;
  }

  /** A transaction that is on the disk when it returns, not only in the operating system's cache. */
  #flushed(write: () => void): undefined {
    this.#db.exec('PRAGMA synchronous = FULL');
    try {
      return this.#inTransaction(write);
    } finally {
      if (this.#db.isOpen) this.#db.exec('PRAGMA synchronous = NORMAL');
    }
  }

  #inTransaction(write: () => void): undefined {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      write();
      this.#db.exec('COMMIT');
      return undefined;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  #attempt<T>(action: () => T): StoreResult<T> {
    try {
      return { ok: true, value: action() };
    } catch (error) {
      return { ok: false, problem: problemFrom(error, this.#file) };
    }
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#statement(sql).get(...values);
  }

  #all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#statement(sql).all(...values);
  }

  #run(sql: string, ...values: SQLInputValue[]): undefined {
    this.#statement(sql).run(...values);
    return undefined;
  }
}
