// The embedded store on node:sqlite. One file, write-ahead log; what decides about traffic is flushed to disk
// before the call returns, what only describes it is not. See durable-store.ts for what happens while the
// file is unusable.
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { deflateRawSync } from 'node:zlib';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import { canonicalJson } from '#src/record/canonical-json.ts';
import type { FrozenEvidence } from '#src/record/frozen-evidence.ts';
import { migrate } from '#src/record/migrations.ts';
import { checkRecordNow } from '#src/record/record-check.ts';
import { isSignedBy, type RecordEnd, type RecordKey, textHash } from '#src/record/record-end.ts';
import { openRecordFile } from '#src/record/record-file.ts';
import type { ReadKey } from '#src/record/record-key.ts';
import { RecordReader } from '#src/record/record-reader.ts';
import type { MinuteRow, RecordedEvent } from '#src/record/recorded-event.ts';
import { unpackWindows } from '#src/record/recorded-traffic.ts';
import { refusedSchema } from '#src/record/schema-check.ts';
import type { SavedRollout, SavedSnapshot, Store } from '#src/record/store.ts';
import {
  done,
  problemFrom,
  problemOf,
  type StoreProblem,
  type StoreResult,
} from '#src/record/store-result.ts';
import type { TrafficWindow } from '#src/record/traffic-window.ts';
import { trustedRollout } from '#src/record/trusted-rollout.ts';
import { closeToOthers } from './private-files.ts';
import { RecordWriter } from './record-writer.ts';
import { type ExpectedRecord, prepareStoreFile, signAnew } from './store-file.ts';

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

interface OpenOptions {
  readonly busyTimeoutMs?: number;
  /** What signs the record; absent: nothing does. */
  readonly key?: ReadKey;
  /**
   * What is known of the record in the file; null or absent when nothing is, and then it may be a new one.
   */
  readonly expected?: ExpectedRecord | null;
  /** Whether an earlier process has locked a store of this name. */
  readonly wasLocked?: boolean;
}

/** Opens or creates the file, checks it and brings its schema up to date. */
export function openSqliteStore(file: string, options: OpenOptions = {}): StoreResult<SqliteStore> {
  const { busyTimeoutMs = busyTimeoutMsDefault, expected = null, wasLocked = false } = options;
  const readKey = options.key ?? { ok: true, key: null };
  if (!readKey.ok) return { ok: false, problem: problemOf('key', file, readKey.cause) };
  const { key } = readKey;
  let db: DatabaseSync | null = null;
  try {
    const prepared =
      file === ':memory:' ? { isNew: true } : prepareStoreFile(file, { expected, wasLocked, key });
    if ('kind' in prepared) return { ok: false, problem: prepared };
    const alien = alienRecord(file, expected);
    if (alien !== null) return { ok: false, problem: alien };
    db = new DatabaseSync(file, { timeout: busyTimeoutMs });
    closeToOthers(file);
    const refused = refusalOf(db, file, prepared.isNew);
    if (refused === null) {
      db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 256');
      migrate(db);
      if (prepared.isNew) signAnew(db, key);
    }
    const problem = refused ?? recordRefusal(new RecordReader(db), file, key);
    if (problem === null) return { ok: true, value: new SqliteStore(db, file, key) };
    db.close();
    return { ok: false, problem };
  } catch (error) {
    if (db?.isOpen) db.close();
    return { ok: false, problem: problemFrom(error, file) };
  }
}

/** Why a file must be left as it is: written by a newer version or something else, or damaged. */
function refusalOf(db: DatabaseSync, file: string, isNew: boolean): StoreProblem | null {
  const finding = db.prepare('PRAGMA quick_check(1)').get()?.quick_check;
  if (finding !== 'ok') return problemOf('corrupt', file, String(finding));
  return isNew ? null : refusedSchema(db, file);
}

/**
 * Why a file is not the one that this process has written to, found without writing to it; null when it is,
 * or nobody can tell.
 */
function alienRecord(file: string, expected: ExpectedRecord | null): StoreProblem | null {
  if (expected === null || !expected.isOurs || expected.end === null) return null;
  const opened = openRecordFile(file);
  if (!opened.ok) return opened.problem;
  const { id, hash } = expected.end;
  const found = opened.value.readRecord((record) => record.journalIdOf(hash));
  opened.value.close();
  if (!found.ok) return found.problem;
  return found.value === id ? null : problemOf('replaced', file, `it lacks entry ${id} of the journal`);
}

/** Why nothing may be added to a record: its end is not the one that was written, or cannot be signed. */
function recordRefusal(record: RecordReader, file: string, key: RecordKey | null): StoreProblem | null {
  const kept = record.journalEnd();
  const last = record.lastEntry();
  if (kept === null || last?.id !== kept.end.id || last.hash !== kept.end.hash)
    return problemOf('tampered', file, 'its journal does not end as it was written');
  const unsigned = signatureRefusal(kept.mac, kept.end, key);
  return unsigned === null ? null : problemOf(unsigned.kind, file, unsigned.cause);
}

function signatureRefusal(
  mac: string | null,
  end: RecordEnd,
  key: RecordKey | null,
): { readonly kind: 'key' | 'tampered'; readonly cause: string } | null {
  if (key === null)
    return mac === null ? null : { kind: 'key', cause: 'it is signed, and there is no store.key' };
  if (mac === null)
    return {
      kind: 'key',
      cause: 'it is not signed: check it and sign it once with crossover events --verify --sign',
    };
  if (isSignedBy(key, end, mac)) return null;
  return { kind: 'tampered', cause: 'its end is not signed with store.key' };
}

export class SqliteStore implements Store {
  readonly #db: DatabaseSync;
  readonly file: string;
  readonly key: RecordKey | null;
  readonly #record: RecordReader;
  readonly #writer: RecordWriter;
  readonly #statements = new Map<string, StatementSync>();

  constructor(db: DatabaseSync, file: string, key: RecordKey | null) {
    this.#db = db;
    this.file = file;
    this.key = key;
    this.#record = new RecordReader(db);
    this.#writer = new RecordWriter(db, key);
  }

  get recordEnd(): RecordEnd | null {
    const end = this.#attempt(() => this.#writer.end);
    return end.ok ? end.value : null;
  }

  loadRollout(): StoreResult<RolloutState | null> {
    const saved = this.loadTrustedRollout();
    return saved.ok ? { ok: true, value: saved.value.state } : saved;
  }

  loadTrustedRollout(): StoreResult<SavedRollout> {
    const found = this.#attempt(() => trustedRollout(this.#record));
    if (!found.ok) return found;
    if (found.value.ok) return { ok: true, value: found.value };
    return { ok: false, problem: problemOf('tampered', this.file, found.value.cause) };
  }

  saveRollout(state: RolloutState, revision = this.#nextRevision()): StoreResult<undefined> {
    return this.#attempt(() => this.#flushed(() => this.#writer.putRollout(state, revision)));
  }

  saveTransition(
    transition: Transition,
    state: RolloutState,
    event: RecordedEvent,
    revision = this.#nextRevision(),
  ): StoreResult<undefined> {
    return this.#attempt(() =>
      this.#flushed(() => {
        this.#writer.append('transitions', this.#writer.lastId('transitions') + 1, transition);
        this.#writer.append('events', event.id, event);
        this.#writer.putRollout(state, revision);
      }),
    );
  }

  appendEvent(event: RecordedEvent): StoreResult<undefined> {
    return this.#attempt(() => this.#inTransaction(() => this.#writer.append('events', event.id, event)));
  }

  readEvents(after: number, limit: number): StoreResult<RecordedEvent[]> {
    return this.#attempt(() =>
      this.#all('SELECT record FROM events WHERE id > ? ORDER BY id LIMIT ?', after, limit).map(
        (row) => JSON.parse(String(row.record)) as RecordedEvent,
      ),
    );
  }

  lastEventId(): StoreResult<number> {
    return this.#attempt(() => this.#writer.lastId('events'));
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
    return this.#attempt(() => this.#flushed(() => this.#writer.putSetting(name, value)));
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
      const last = this.#get('SELECT id, sha256 FROM configs ORDER BY id DESC LIMIT 1');
      if (last?.sha256 === textHash(text)) return Number(last.id);
      const id = this.#writer.lastId('configs') + 1;
      this.#inTransaction(() => this.#writer.appendConfig(id, Math.round(atMs), text));
      return id;
    });
  }

  saveEvidence(evidence: FrozenEvidence, event: RecordedEvent): StoreResult<undefined> {
    return this.#attempt(() =>
      this.#inTransaction(() => {
        this.#writer.append('evidence', this.#writer.lastId('evidence') + 1, evidence);
        this.#writer.append('events', event.id, event);
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

  verifyRecord(): StoreResult<string | null> {
    const checked = checkRecordNow(this, { key: this.key });
    if (!checked.ok) return checked;
    return { ok: true, value: checked.value.intact ? null : checked.value.text };
  }

  readRecord<T>(query: (record: RecordReader) => T): StoreResult<T> {
    return this.#attempt(() => query(this.#record));
  }

  checkWritable(): StoreResult<undefined> {
    return this.#attempt(() => this.#inTransaction(() => {}));
  }

  copyTo(file: string): StoreResult<undefined> {
    return this.#attempt(() => this.#run('VACUUM INTO ?', file));
  }

  emptyLog(): StoreResult<undefined> {
    return this.#attempt(() => this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)') as undefined);
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }

  #nextRevision(): number {
    return Number(this.#get('SELECT revision FROM rollout')?.revision ?? 0) + 1;
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
      return { ok: false, problem: problemFrom(error, this.file) };
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
