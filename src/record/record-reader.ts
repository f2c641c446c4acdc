// Questions to the record: its chains, its rollouts, its evidence. Reads only, also from files of older
// versions, whose missing tables are empty ones. Throws what SQLite throws; its callers turn that into
// problems.
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { inflateRawSync } from 'node:zlib';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import type { FrozenEvidence } from './frozen-evidence.ts';
import type { ChainEnd, ChainName, ChainRow } from './hash-chain.ts';
import { parseEntry } from './journal.ts';
import { type RecordEnd, textHash } from './record-end.ts';
import type { MinuteRow, RecordedEvent } from './recorded-event.ts';
import { readSchemaVersion } from './schema-version.ts';
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

/** What tells whether a row's other columns fit its text; absent where there are none. */
const besideTextOf: Readonly<Partial<Record<ChainName, string>>> = {
  events: "CASE WHEN json_valid(record) THEN record ->> '$.id' END AS own_id",
  configs: 'sha256, config, at_ms = CAST(at_ms AS INTEGER) AS is_whole',
};

/** Rows per page of what is long: a millisecond or two for usual ones. */
export const rowsPerPage = 200;

/** Below every id that a table can have. */
export const beforeAll = Number.MIN_SAFE_INTEGER;

/** The journal's end as it is kept beside it. */
export interface KeptEnd {
  readonly end: RecordEnd;
  /** Null when it is not signed. */
  readonly mac: string | null;
}

/** What is kept in place and not appended: as it is in the file now. */
export interface KeptInPlace {
  readonly rollouts: readonly { readonly id: number; readonly revision: number; readonly state: string }[];
  readonly settings: readonly { readonly name: string; readonly value: string }[];
}

export class RecordReader {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  get schemaVersion(): number {
    return readSchemaVersion(this.#db);
  }

  /** What is wrong with the first damaged page of the file, in SQLite's words; null when none is. */
  damage(): string | null {
    const found = this.#get('PRAGMA integrity_check(1)')?.integrity_check;
    return found === 'ok' ? null : String(found);
  }

  /** Everything that is defined in the file, by name. */
  schema(): Map<string, string> {
    const rows = this.#all(
      "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    );
    return new Map(rows.map(({ name, sql }) => [String(name), String(sql)]));
  }

  /** Rows with `after < id <= last`, in order. */
  chainRows(chain: ChainName, after: number, last: number, limit: number): ChainRow[] {
    if (!this.#isChained(chain)) return [];
    const beside = besideTextOf[chain] === undefined ? '' : `, ${besideTextOf[chain]}`;
    const sql = `SELECT id, ${recordTextOf[chain]} AS record, prev_hash, hash${beside} FROM ${chain} WHERE id > ? AND id <= ? ORDER BY id LIMIT ?`;
    return this.#all(sql, after, last, limit).map((row) => ({
      ...linkOf(row),
      isConsistent: fits(chain, row),
    }));
  }

  /** Entries with `after < id <= last`, in order. */
  journalRows(after: number, last: number, limit: number): ChainRow[] {
    if (!this.hasJournal) return [];
    const sql =
      'SELECT id, entry AS record, prev_hash, hash FROM journal WHERE id > ? AND id <= ? ORDER BY id LIMIT ?';
    return this.#all(sql, after, last, limit).map((row) => ({ ...linkOf(row), isConsistent: true }));
  }

  /** Entries with a smaller number, the largest first. */
  journalRowsBefore(id: number, limit: number): ChainRow[] {
    if (!this.hasJournal) return [];
    const sql =
      'SELECT id, entry AS record, prev_hash, hash FROM journal WHERE id < ? ORDER BY id DESC LIMIT ?';
    return this.#all(sql, id, limit).map((row) => ({ ...linkOf(row), isConsistent: true }));
  }

  get hasJournal(): boolean {
    return this.#hasColumn('journal', 'hash');
  }

  /** Null when it is missing, and before the version that has a journal. */
  journalEnd(): KeptEnd | null {
    if (!this.#hasColumn('chain_ends', 'mac')) return null;
    const row = this.#get("SELECT id, hash, mac FROM chain_ends WHERE chain = 'journal'");
    if (row === undefined) return null;
    const mac = row.mac === null ? null : String(row.mac);
    return { end: { id: Number(row.id), hash: String(row.hash) }, mac };
  }

  /** The number of the entry with this hash; null when there is none. */
  journalIdOf(hash: string): number | null {
    const row = this.hasJournal ? this.#get('SELECT id FROM journal WHERE hash = ?', hash) : undefined;
    return row === undefined ? null : Number(row.id);
  }

  /**
   * The last record of a chain that was written, whether it is still there or not, as versions without a
   * journal kept it; null when there was none.
   */
  chainEnd(chain: ChainName): ChainEnd | null {
    if (!this.#isChained(chain)) return null;
    const row = this.#hasColumn('chain_ends', 'chain')
      ? this.#get('SELECT id, hash FROM chain_ends WHERE chain = ?', chain)
      : this.#get(`SELECT id, hash FROM ${chain} ORDER BY id DESC LIMIT 1`);
    return row === undefined ? null : { id: Number(row.id), hash: String(row.hash) };
  }

  /** The entry with the largest number; null when there is none. */
  lastEntry(): RecordEnd | null {
    const row = this.hasJournal
      ? this.#get('SELECT id, hash FROM journal ORDER BY id DESC LIMIT 1')
      : undefined;
    return row === undefined ? null : { id: Number(row.id), hash: String(row.hash) };
  }

  /** The largest id in a chain; null when it is empty or missing. */
  lastId(chain: ChainName): number | null {
    if (!this.#isChained(chain)) return null;
    const last = this.#get(`SELECT max(id) AS id FROM ${chain}`)?.id ?? null;
    return last === null ? null : Number(last);
  }

  keptInPlace(): KeptInPlace {
    const rollouts = this.#hasColumn('rollout', 'revision')
      ? this.#all('SELECT id, revision, state FROM rollout ORDER BY id')
      : [];
    const settings = this.#hasColumn('settings', 'value')
      ? this.#all('SELECT name, value FROM settings ORDER BY name')
      : [];
    return {
      rollouts: rollouts.map(({ id, revision, state }) => ({
        id: Number(id),
        revision: Number(revision),
        state: String(state),
      })),
      settings: settings.map(({ name, value }) => ({ name: String(name), value: String(value) })),
    };
  }

  /** SHA-256 of the text that shortened evidence was left with; null when none was shortened. */
  shortenedHash(id: number): string | null {
    if (!this.hasJournal) return null;
    const sql = 'SELECT entry FROM journal WHERE entry LIKE ? ORDER BY id DESC LIMIT 1';
    const row = this.#get(sql, `["shortened",${id},%`);
    const entry = row === undefined ? null : parseEntry(String(row.entry));
    return entry?.[0] === 'shortened' ? entry[2] : null;
  }

  /** The last transition's text; null when there is none. */
  lastTransition(): Transition | null {
    const row = this.#get('SELECT record FROM transitions ORDER BY id DESC LIMIT 1');
    return row === undefined ? null : (JSON.parse(String(row.record)) as Transition);
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

const linkOf = (row: Row): Omit<ChainRow, 'isConsistent'> => ({
  id: Number(row.id),
  record: String(row.record),
  previousHash: String(row.prev_hash),
  hash: String(row.hash),
});

function fits(chain: ChainName, row: Row): boolean {
  switch (chain) {
    case 'events':
      return Number(row.own_id) === Number(row.id);
    case 'configs':
      return row.is_whole === 1 && row.sha256 === textHash(String(row.config));
    case 'transitions':
    case 'evidence':
      return true;
  }
}
