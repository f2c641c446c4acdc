// Walks a journal from its first entry to its end: whether every entry follows the one before, and what they
// say of everything else.
import { type ChainEnd, type ChainName, chainNames, chainStart, isLinked } from './hash-chain.ts';
import { type JournalEntry, parseEntry } from './journal.ts';
import type { RecordAccess } from './record-access.ts';
import type { RecordEnd } from './record-end.ts';
import { beforeAll, rowsPerPage } from './record-reader.ts';
import type { StoreResult } from './store-result.ts';

/** What a journal says of the rest of the record, at its end. */
export class JournalSaid {
  /** The last record of each chain. */
  readonly ends = new Map<ChainName, ChainEnd>(
    chainNames.map((chain) => [chain, { id: 0, hash: chainStart }]),
  );
  readonly settings = new Map<string, string>();
  rollout: { readonly revision: number; readonly hash: string } | null = null;
  /** The end that an earlier version printed when the journal was begun. */
  endBefore: RecordEnd | null = null;
  /** The entry that does not fit; null when all do. */
  broken: { readonly id: number; readonly text: string } | null = null;
  last: RecordEnd = { id: 0, hash: chainStart };

  take(id: number, entry: JournalEntry): void {
    switch (entry[0]) {
      case 'store':
      case 'shortened':
        return;
      case 'end-before':
        this.endBefore = { id, hash: entry[1] };
        return;
      case 'before':
      case 'record':
        this.ends.set(entry[1], { id: entry[2], hash: entry[3] });
        return;
      case 'rollout':
        this.rollout = { revision: entry[1], hash: entry[2] };
        return;
      case 'setting':
        this.settings.set(entry[1], entry[2]);
        return;
    }
  }
}

/** Walks up to `end`, the one that is kept beside the journal; yields after every page. */
export function* walkJournal(
  access: RecordAccess,
  end: RecordEnd,
): Generator<undefined, StoreResult<JournalSaid>> {
  const said = new JournalSaid();
  while (said.last.id < end.id) {
    const after = said.last.id === 0 ? beforeAll : said.last.id;
    const page = access.readRecord((record) => record.journalRows(after, end.id, rowsPerPage));
    if (!page.ok) return page;
    for (const row of page.value) {
      const { id, record, hash } = row;
      const entry = parseEntry(record);
      const follows = id === said.last.id + 1 && isLinked(row, said.last.hash, record) && entry !== null;
      if (!follows || (entry[0] === 'store') !== (id === 1)) {
        said.broken = { id, text: `Entry ${id} of the journal does not fit the hash chain.` };
        return { ok: true, value: said };
      }
      said.take(id, entry);
      said.last = { id, hash };
    }
    if (page.value.length === 0) break;
    yield;
  }
  if (said.last.id !== end.id || said.last.hash !== end.hash)
    said.broken = {
      id: end.id,
      text: `The journal ends with entry ${said.last.id}, and not as it ended when it was last written, with entry ${end.id}.`,
    };
  return { ok: true, value: said };
}
