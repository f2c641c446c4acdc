// Walks one kind of records from the first to the last: whether each is as it was written and follows the one
// before.
import { type ChainEnd, type ChainName, type ChainRow, chainStart, isLinked } from './hash-chain.ts';
import type { RecordAccess } from './record-access.ts';
import { textHash } from './record-end.ts';
import { beforeAll, type RecordReader, rowsPerPage } from './record-reader.ts';
import type { StoreResult } from './store-result.ts';

export interface CheckedChain {
  readonly records: number;
  /** Hash of the last record; null when there is none. */
  readonly end: string | null;
}

export interface ChainFinding {
  readonly checked: CheckedChain;
  /** The first record that does not fit; null when all do. */
  readonly broken: { readonly id: number; readonly text: string } | null;
}

/** What a chain is held to. */
interface WantedChain {
  readonly chain: ChainName;
  /** Where it ended when it was last written; null where nobody knows, and then nothing may be there. */
  readonly end: ChainEnd | null;
  /** The largest id that was there when the check began: what is written meanwhile is left out. */
  readonly lastId: number;
  /** Whether what stands beside a record's text is held to it: earlier versions were less exact. */
  readonly isExact: boolean;
}

/** Yields after every page. */
export function* checkChain(
  access: RecordAccess,
  { chain, end, lastId, isExact }: WantedChain,
): Generator<undefined, StoreResult<ChainFinding>> {
  let last: ChainEnd = { id: 0, hash: chainStart };
  let records = 0;
  const finding = (broken: ChainFinding['broken']): StoreResult<ChainFinding> => ({
    ok: true,
    value: { checked: { records, end: records === 0 ? null : last.hash }, broken },
  });
  for (;;) {
    const after = records === 0 ? beforeAll : last.id;
    const page = access.readRecord((record) =>
      record
        .chainRows(chain, after, lastId, rowsPerPage)
        .map((row) => ({ row, shortened: shortenedTo(record, chain, row) })),
    );
    if (!page.ok) return page;
    if (page.value.length === 0) break;
    for (const { row, shortened } of page.value) {
      const fits = shortened ? row.previousHash === last.hash : isLinked(row, last.hash, row.record);
      if (!fits || !mayFollow(chain, row, last.id) || (isExact && !row.isConsistent))
        return finding({ id: row.id, text: `Record ${row.id} of ${chain} does not fit the hash chain.` });
      records++;
      last = { id: row.id, hash: row.hash };
      if (end === null || last.id > end.id) return finding({ id: row.id, text: beyond(chain, row.id, end) });
    }
    yield;
  }
  if (end === null || (last.id === end.id && last.hash === end.hash)) return finding(null);
  return finding({
    id: end.id,
    text: `Record ${end.id} of ${chain}, the last one written, is missing; the record ends with ${last.id}.`,
  });
}

/**
 * Events are numbered by the control thread, which may leave numbers out; all others are counted by the
 * store.
 */
const mayFollow = (chain: ChainName, { id }: ChainRow, lastId: number): boolean =>
  chain === 'events' ? id > lastId : id === lastId + 1;

function beyond(chain: ChainName, id: number, end: ChainEnd | null): string {
  const known = end === null ? 'how many there should be is not known' : `the last one written is ${end.id}`;
  return `Record ${id} of ${chain} was not written by Crossover: ${known}.`;
}

/** Whether a text that does not have its hash any more is what the journal says was left of it. */
function shortenedTo(reader: RecordReader, chain: ChainName, { id, record }: ChainRow): boolean {
  return chain === 'evidence' && reader.shortenedHash(id) === textHash(record);
}
