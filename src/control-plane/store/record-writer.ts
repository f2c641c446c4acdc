// Writes to the chains of a record. Each call belongs into a transaction: a record and its entry in the
// journal are kept together or not at all.
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import { canonicalJson } from '#src/record/canonical-json.ts';
import { type ChainName, chainHash, chainStart } from '#src/record/hash-chain.ts';
import { Journal } from '#src/record/journal.ts';
import { type RecordEnd, type RecordKey, textHash } from '#src/record/record-end.ts';

export class RecordWriter {
  readonly #db: DatabaseSync;
  readonly #journal: Journal;
  readonly #statements = new Map<string, StatementSync>();

  /** With a key, every end is signed. */
  constructor(db: DatabaseSync, key: RecordKey | null) {
    this.#db = db;
    this.#journal = new Journal(db, key);
  }

  /** Where the record ends now. */
  get end(): RecordEnd | null {
    return this.#journal.end;
  }

  /** The largest id in a chain; 0 when it is empty. */
  lastId(chain: ChainName): number {
    return Number(this.#statement(`SELECT max(id) AS id FROM ${chain}`).get()?.id ?? 0);
  }

  /**
   * Appends to a chain. The stored text is the one that was hashed, so a checker needs no knowledge of us.
   */
  append(chain: Exclude<ChainName, 'configs'>, id: number, record: object): void {
    const text = canonicalJson(record);
    const { previousHash, hash } = this.#link(chain, text);
    const sql = `INSERT INTO ${chain} (id, record, prev_hash, hash) VALUES (?, ?, ?, ?)`;
    this.#run(sql, id, text, previousHash, hash);
    this.#journal.append(['record', chain, id, hash]);
  }

  /** `atMs` in whole milliseconds. */
  appendConfig(id: number, atMs: number, text: string): void {
    const { previousHash, hash } = this.#link('configs', `${atMs}\n${text}`);
    const sql = 'INSERT INTO configs (id, at_ms, sha256, config, prev_hash, hash) VALUES (?, ?, ?, ?, ?, ?)';
    this.#run(sql, id, atMs, textHash(text), text, previousHash, hash);
    this.#journal.append(['record', 'configs', id, hash]);
  }

  /** Replaces the rollout as it stands. */
  putRollout(state: RolloutState, revision: number): void {
    const text = canonicalJson(state);
    this.#run('INSERT OR REPLACE INTO rollout (id, state, revision) VALUES (1, ?, ?)', text, revision);
    this.#journal.append(['rollout', revision, textHash(text)]);
  }

  putSetting(name: string, value: unknown): void {
    const text = JSON.stringify(value);
    this.#run('INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)', name, text);
    this.#journal.append(['setting', name, textHash(text)]);
  }

  #link(chain: ChainName, text: string): { previousHash: string; hash: string } {
    const last = this.#statement(`SELECT hash FROM ${chain} ORDER BY id DESC LIMIT 1`).get();
    const previousHash = last === undefined ? chainStart : String(last.hash);
    return { previousHash, hash: chainHash(previousHash, text) };
  }

  #run(sql: string, ...values: SQLInputValue[]): void {
    this.#statement(sql).run(...values);
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}
