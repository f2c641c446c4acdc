// The one chain that binds the whole record: an entry for every record of every other chain, in the order in
// which they were made, and for every change of what is kept in place: the rollout as it stands, settings,
// evidence that was shortened. Its end, kept beside it, stands for all of it.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type ChainName, chainHash, chainNames, chainStart } from './hash-chain.ts';
import { endMac, type RecordEnd, type RecordKey } from './record-end.ts';

export type JournalEntry =
  /** The first: a random name, so that no two stores have the same journal. */
  | readonly ['store', string]
  /**
   * Where a chain ended when the journal was begun, in stores of earlier versions: id and hash of its last
   * record.
   */
  | readonly ['before', ChainName, number, string]
  /** The end that an earlier version printed for the whole record at that moment. */
  | readonly ['end-before', string]
  /** A record: chain, id, hash. */
  | readonly ['record', ChainName, number, string]
  /** The rollout as it stands: revision, SHA-256 of the text in its row. */
  | readonly ['rollout', number, string]
  /** A setting: name, SHA-256 of its value. */
  | readonly ['setting', string, string]
  /** Evidence without the requests of clients from now on: id, SHA-256 of what is left of its text. */
  | readonly ['shortened', number, string];

/** Adds to a journal; every call belongs into the transaction of what it is about. */
export class Journal {
  readonly #key: RecordKey | null;
  readonly #insert: StatementSync;
  readonly #setEnd: StatementSync;
  readonly #getEnd: StatementSync;

  /** With a key, every end is signed. */
  constructor(db: DatabaseSync, key: RecordKey | null) {
    this.#key = key;
    this.#insert = db.prepare('INSERT INTO journal (id, entry, prev_hash, hash) VALUES (?, ?, ?, ?)');
    this.#setEnd = db.prepare(
      "INSERT OR REPLACE INTO chain_ends (chain, id, hash, mac) VALUES ('journal', ?, ?, ?)",
    );
    this.#getEnd = db.prepare('SELECT id, hash FROM chain_ends');
  }

  /** The end as it is kept; null before the first entry. */
  get end(): RecordEnd | null {
    const row = this.#getEnd.get();
    return row === undefined ? null : { id: Number(row.id), hash: String(row.hash) };
  }

  append(entry: JournalEntry): void {
    const { id: lastId, hash: previousHash } = this.end ?? { id: 0, hash: chainStart };
    const text = JSON.stringify(entry);
    const end: RecordEnd = { id: lastId + 1, hash: chainHash(previousHash, text) };
    this.#insert.run(end.id, text, previousHash, end.hash);
    this.sign(end);
  }

  /** Keeps an end, signed where there is a key. */
  sign(end: RecordEnd): void {
    this.#setEnd.run(end.id, end.hash, this.#key === null ? null : endMac(this.#key, end));
  }
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isNumber = (value: unknown): value is number => typeof value === 'number';
const isChain = (value: unknown): value is ChainName => (chainNames as readonly unknown[]).includes(value);

/** Null where it is none of ours. */
export function parseEntry(text: string): JournalEntry | null {
  const parts = parsed(text);
  if (!Array.isArray(parts)) return null;
  const [kind, a, b, c] = parts as readonly unknown[];
  switch (kind) {
    case 'store':
    case 'end-before':
      return isText(a) ? [kind, a] : null;
    case 'before':
    case 'record':
      return isChain(a) && isNumber(b) && isText(c) ? [kind, a, b, c] : null;
    case 'rollout':
    case 'shortened':
      return isNumber(a) && isText(b) ? [kind, a, b] : null;
    case 'setting':
      return isText(a) && isText(b) ? [kind, a, b] : null;
    default:
      return null;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
