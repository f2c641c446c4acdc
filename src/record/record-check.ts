// Checks the whole record against its hash chains, page by page, so that a control thread can do something
// else in between. A record that was changed, removed, put in or moved does not fit the one after it; one
// removed at the end is missed because each chain's end is kept beside it. Who can rewrite everything can
// also write a chain that fits: keep the printed end elsewhere to notice even that.
import { createHash } from 'node:crypto';
import { brokenLink, type ChainEnd, type ChainName, chainNames, chainStart } from './hash-chain.ts';
import type { RecordReader } from './record-reader.ts';
import type { StoreResult } from './store-result.ts';

/** Records per page: a millisecond or two for usual ones. */
const pageRows = 200;

export interface RecordAccess {
  /** Runs a query; what it throws becomes a problem. */
  readRecord<T>(query: (record: RecordReader) => T): StoreResult<T>;
}

interface CheckedChain {
  readonly records: number;
  /** Hash of the last record; null when there is none. */
  readonly end: string | null;
}

export interface RecordCheck {
  readonly intact: boolean;
  /** The first record that does not fit. */
  readonly broken: { readonly chain: ChainName; readonly id: number } | null;
  /** One plain sentence. */
  readonly text: string;
  readonly chains: Readonly<Record<ChainName, CheckedChain>>;
  /** SHA-256 over the ends of all chains: two records with the same one are the same up to here. */
  readonly end: string;
}

type Ends = Readonly<Record<ChainName, ChainEnd | null>>;

interface ChainFinding {
  readonly checked: CheckedChain;
  readonly broken: { readonly id: number; readonly text: string } | null;
}

/** The last record of every chain. */
export const readEnds = (record: RecordReader): Ends => ({
  events: record.chainEnd('events'),
  transitions: record.chainEnd('transitions'),
  configs: record.chainEnd('configs'),
  evidence: record.chainEnd('evidence'),
});

/** One hash that stands for all chains up to their ends. */
export function endHash(ends: Ends): string {
  const lines = chainNames.map(
    (chain) => `${chain} ${ends[chain]?.id ?? 0} ${ends[chain]?.hash ?? chainStart}\n`,
  );
  return createHash('sha256').update(lines.join('')).digest('hex');
}

/** Checks everything that is on record when it begins; yields after every page. */
export function* checkRecord(access: RecordAccess): Generator<undefined, StoreResult<RecordCheck>> {
  const ends = access.readRecord(readEnds);
  if (!ends.ok) return ends;
  const findings = new Map<ChainName, ChainFinding>();
  for (const chain of chainNames) {
    const finding = yield* checkChain(access, chain, ends.value[chain]);
    if (!finding.ok) return finding;
    findings.set(chain, finding.value);
  }
  return { ok: true, value: summary(findings, endHash(ends.value)) };
}

/** The same at one go. */
export function checkRecordNow(access: RecordAccess): StoreResult<RecordCheck> {
  const check = checkRecord(access);
  for (;;) {
    const { done, value } = check.next();
    if (done === true) return value;
  }
}

function* checkChain(
  access: RecordAccess,
  chain: ChainName,
  end: ChainEnd | null,
): Generator<undefined, StoreResult<ChainFinding>> {
  let last: ChainEnd = { id: 0, hash: chainStart };
  let records = 0;
  const finding = (broken: ChainFinding['broken']): StoreResult<ChainFinding> => ({
    ok: true,
    value: { checked: { records, end: records === 0 ? null : last.hash }, broken },
  });
  while (end !== null && last.id < end.id) {
    const { id: after, hash: startHash } = last;
    const page = access.readRecord((record) => record.chainRows(chain, after, end.id, pageRows));
    if (!page.ok) return page;
    const rows = page.value;
    const broken = brokenLink(rows, startHash);
    if (broken !== null)
      return finding({ id: broken.id, text: `Record ${broken.id} of ${chain} does not fit the hash chain.` });
    const lastRow = rows.at(-1);
    if (lastRow === undefined) break;
    records += rows.length;
    last = { id: lastRow.id, hash: lastRow.hash };
    yield;
  }
  if (end === null || last.hash === end.hash) return finding(null);
  return finding({
    id: end.id,
    text: `Record ${end.id} of ${chain}, the last one written, is missing; the record ends with ${last.id}.`,
  });
}

function summary(findings: ReadonlyMap<ChainName, ChainFinding>, end: string): RecordCheck {
  const none: ChainFinding = { checked: { records: 0, end: null }, broken: null };
  const of = (chain: ChainName): ChainFinding => findings.get(chain) ?? none;
  const chains = {
    events: of('events').checked,
    transitions: of('transitions').checked,
    configs: of('configs').checked,
    evidence: of('evidence').checked,
  };
  for (const chain of chainNames) {
    const { broken } = of(chain);
    if (broken !== null)
      return { intact: false, broken: { chain, id: broken.id }, text: broken.text, chains, end };
  }
  const counts = chainNames.map((chain) => `${chains[chain].records} ${chain}`).join(', ');
  return { intact: true, broken: null, text: `The record is intact: ${counts}.`, chains, end };
}
