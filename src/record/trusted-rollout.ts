// The rollout that a store says it is at, if that can be believed: its row is held to the journal, and where
// somebody has changed it, the last transition is taken instead. A row that says 100 % to Y must not send it
// there because somebody wrote it.
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';
import { canonicalJson } from './canonical-json.ts';
import { chainStart, isLinked } from './hash-chain.ts';
import { type JournalEntry, parseEntry } from './journal.ts';
import { textHash } from './record-end.ts';
import { type RecordReader, rowsPerPage } from './record-reader.ts';

type TrustedRollout =
  | {
      readonly ok: true;
      /** Null when none is on record. */
      readonly state: RolloutState | null;
      /** Grows with every change of the state; 0 before the first. */
      readonly revision: number;
      /** What was found wrong with the row, and what is taken instead; null when it is as it was written. */
      readonly finding: string | null;
    }
  | { readonly ok: false; readonly cause: string };

/** Looks at the journal from its end back to where it last speaks of the rollout. */
export function trustedRollout(record: RecordReader): TrustedRollout {
  const said = lastSaid(record);
  if (!said.ok) return said;
  const { rollouts } = record.keptInPlace();
  const [row] = rollouts;
  if (said.entry === null) {
    if (row === undefined) return { ok: true, state: null, revision: 0, finding: null };
    return { ok: false, cause: 'it holds a rollout that Crossover never recorded' };
  }
  const [, revision, hash] = said.entry;
  if (rollouts.length === 1 && row?.revision === revision && textHash(row.state) === hash)
    return { ok: true, state: JSON.parse(row.state) as RolloutState, revision, finding: null };
  const last = record.lastTransition()?.to ?? null;
  if (last === null || textHash(canonicalJson(last)) !== hash)
    return { ok: false, cause: 'its rollout is not the one last recorded, and no transition led to that' };
  const finding = `The rollout in the store is not the one last recorded: something else than Crossover has changed it. The last transition counts: ${last.phase}, ${last.weightPpm / 10_000} % on Y.`;
  return { ok: true, state: last, revision, finding };
}

type Said =
  | { readonly ok: true; readonly entry: Extract<JournalEntry, readonly ['rollout', ...unknown[]]> | null }
  | { readonly ok: false; readonly cause: string };

function lastSaid(record: RecordReader): Said {
  let hash = record.journalEnd()?.end.hash ?? chainStart;
  let id = record.journalEnd()?.end.id ?? 0;
  while (id > 0) {
    const rows = record.journalRowsBefore(id + 1, rowsPerPage);
    if (rows.length === 0) return { ok: false, cause: `entry ${id} of its journal is missing` };
    for (const row of rows) {
      const entry = parseEntry(row.record);
      if (
        row.id !== id ||
        row.hash !== hash ||
        !isLinked(row, row.previousHash, row.record) ||
        entry === null
      )
        return { ok: false, cause: `entry ${id} of its journal does not fit the hash chain` };
      if (entry[0] === 'rollout') return { ok: true, entry };
      hash = row.previousHash;
      id--;
    }
  }
  return { ok: true, entry: null };
}
