// Checks the whole record against its journal and its hash chains, page by page, so that a control thread can
// do something else in between. A record that was changed, removed, put in or moved does not fit the one
// after it or the journal; the journal's own end is kept beside it, and signed where there is a key. Who can
// rewrite everything can also write a journal that fits, but not one that leads to an end that was kept
// elsewhere, nor sign one without the key.
import { type ChainFinding, type CheckedChain, checkChain } from './chain-check.ts';
import { type ChainEnd, type ChainName, chainNames, chainStart } from './hash-chain.ts';
import { type JournalSaid, walkJournal } from './journal-check.ts';
import { endBefore, journalVersion } from './migrations.ts';
import type { RecordAccess } from './record-access.ts';
import { isSignedBy, type RecordEnd, type RecordKey, textHash } from './record-end.ts';
import type { KeptEnd, KeptInPlace, RecordReader } from './record-reader.ts';
import { schemaFinding } from './schema-check.ts';
import type { StoreResult } from './store-result.ts';

/** What of a record a finding is about. */
type RecordPart = ChainName | 'journal' | 'rollout' | 'settings' | 'signature' | 'end' | 'schema' | 'file';

export interface RecordCheck {
  readonly intact: boolean;
  /** The first thing that does not fit; with the number of the record or entry where it is one. */
  readonly broken: { readonly chain: RecordPart; readonly id: number | null } | null;
  /** One plain sentence. */
  readonly text: string;
  readonly chains: Readonly<Record<ChainName, CheckedChain>>;
  /** Stands for the whole record: two with the same one are the same up to here. */
  readonly end: string;
  /** Entries of the journal up to that end; null in files of versions without one. */
  readonly entries: number | null;
  /** `valid`, `none`: not signed, or `unchecked`: signed, and no key was there to check it. */
  readonly signature: 'valid' | 'none' | 'unchecked';
  /** The entry that the given end stands for; null when none was given, or it is not in the record. */
  readonly givenEnd: number | null;
}

/** What a record is held to besides itself. */
export interface CheckedAgainst {
  readonly key?: RecordKey | null;
  /** An end that was kept elsewhere: the record has to lead to it and may go on from there. */
  readonly end?: string | null;
  /** Whether the file's pages are checked too, those with counts included: seconds for a large one. */
  readonly pages?: boolean;
}

interface Finding {
  readonly part: RecordPart;
  readonly id: number | null;
  readonly text: string;
}

/** Everything that changes while records are written, as it was when the check began. */
interface Snapshot {
  readonly version: number;
  readonly keptEnd: KeptEnd | null;
  readonly lastEntry: RecordEnd;
  readonly lastIds: Readonly<Record<ChainName, number>>;
  readonly ends: Ends;
  readonly inPlace: KeptInPlace;
  readonly schema: string | null;
  /** What is wrong with the file's pages; null when nothing is, or they were not looked at. */
  readonly damage: string | null;
}

type Ends = Readonly<Record<ChainName, ChainEnd | null>>;

const ofEach = <T>(value: (chain: ChainName) => T): Readonly<Record<ChainName, T>> => ({
  events: value('events'),
  transitions: value('transitions'),
  configs: value('configs'),
  evidence: value('evidence'),
});

/** The end of a record, whatever its version; null when it is missing. */
export function endOf(record: RecordReader): string | null {
  if (record.schemaVersion >= journalVersion) return record.journalEnd()?.end.hash ?? null;
  return endHash(ofEach((chain) => record.chainEnd(chain)));
}

const endHash = (ends: Ends): string =>
  endBefore(chainNames.map((chain) => [chain, ends[chain] ?? { id: 0, hash: chainStart }]));

function snapshot(record: RecordReader, { pages = false }: CheckedAgainst): Snapshot {
  const version = record.schemaVersion;
  return {
    version,
    keptEnd: record.journalEnd(),
    lastEntry: record.lastEntry() ?? { id: 0, hash: chainStart },
    lastIds: ofEach((chain) => record.lastId(chain) ?? 0),
    ends: ofEach((chain) => (version < journalVersion ? record.chainEnd(chain) : null)),
    inPlace: record.keptInPlace(),
    schema: schemaFinding(record.schema(), version),
    damage: pages ? record.damage() : null,
  };
}

/** Checks everything that is on record when it begins; yields after every page. */
export function* checkRecord(
  access: RecordAccess,
  against: CheckedAgainst = {},
): Generator<undefined, StoreResult<RecordCheck>> {
  const begun = access.readRecord((record) => snapshot(record, against));
  if (!begun.ok) return begun;
  const found = begun.value;
  const walked = yield* walk(access, found);
  if (!walked.ok) return walked;
  const said = walked.value;
  const ends = said === null ? found.ends : ofEach((chain) => said.ends.get(chain) ?? null);
  const chains = new Map<ChainName, ChainFinding>();
  for (const chain of chainNames) {
    const lastId = found.lastIds[chain];
    const wanted = { chain, end: ends[chain], lastId, isExact: said !== null };
    const finding = yield* checkChain(access, wanted);
    if (!finding.ok) return finding;
    chains.set(chain, finding.value);
  }
  const given = access.readRecord((record) => placeOf(record, against.end ?? null, found, said));
  if (!given.ok) return given;
  return { ok: true, value: summary(found, said, chains, against, given.value) };
}

/** The same at one go. */
export function checkRecordNow(access: RecordAccess, against: CheckedAgainst = {}): StoreResult<RecordCheck> {
  const check = checkRecord(access, against);
  for (;;) {
    const { done, value } = check.next();
    if (done === true) return value;
  }
}

/** Null for a file of a version without a journal. */
function* walk(
  access: RecordAccess,
  { version, keptEnd, lastEntry }: Snapshot,
): Generator<undefined, StoreResult<JournalSaid | null>> {
  if (version < journalVersion) return { ok: true, value: null };
  // Without an end that was kept, all that is there is looked at.
  return yield* walkJournal(access, keptEnd?.end ?? lastEntry);
}

/** The entry that an end stands for; null when none was given, or none does. */
function placeOf(
  record: RecordReader,
  end: string | null,
  found: Snapshot,
  said: JournalSaid | null,
): number | null {
  if (end === null) return null;
  if (said === null) return end === endHash(found.ends) ? 0 : null;
  if (end === said.endBefore?.hash) return said.endBefore.id;
  const id = record.journalIdOf(end);
  return id === null || id > said.last.id ? null : id;
}

function summary(
  found: Snapshot,
  said: JournalSaid | null,
  findings: ReadonlyMap<ChainName, ChainFinding>,
  against: CheckedAgainst,
  givenEnd: number | null,
): RecordCheck {
  const chains = ofEach((chain) => findings.get(chain)?.checked ?? { records: 0, end: null });
  const [first = null] = [
    ...chainFindings(findings),
    ...(said === null ? [] : journalFindings(found, said)),
    ...signatureFindings(found, against),
    ...endFindings(found, said, against, givenEnd),
    ...fileFindings(found),
  ];
  const counts = chainNames.map((chain) => `${chains[chain].records} ${chain}`).join(', ');
  return {
    intact: first === null,
    broken: first === null ? null : { chain: first.part, id: first.id },
    text: first?.text ?? `The record is intact: ${counts}.`,
    chains,
    end: said?.last.hash ?? endHash(found.ends),
    entries: said?.last.id ?? null,
    signature: signatureOf(found, against),
    givenEnd,
  };
}

function* chainFindings(findings: ReadonlyMap<ChainName, ChainFinding>): Generator<Finding> {
  for (const [part, { broken }] of findings) if (broken !== null) yield { part, ...broken };
}

function* journalFindings({ keptEnd, lastEntry, inPlace }: Snapshot, said: JournalSaid): Generator<Finding> {
  if (keptEnd === null) yield { part: 'journal', id: null, text: "The journal's end is missing." };
  if (said.broken !== null) yield { part: 'journal', ...said.broken };
  if (lastEntry.id > said.last.id)
    yield {
      part: 'journal',
      id: said.last.id + 1,
      text: `The journal goes on after entry ${said.last.id}, with which it ended when it was last written.`,
    };
  yield* rolloutFindings(inPlace.rollouts, said);
  yield* settingFindings(inPlace.settings, said.settings);
}

function* rolloutFindings(rollouts: KeptInPlace['rollouts'], { rollout }: JournalSaid): Generator<Finding> {
  const [row] = rollouts;
  const isExpected =
    rollouts.length <= 1 &&
    (rollout === null
      ? row === undefined
      : row?.id === 1 && row.revision === rollout.revision && textHash(row.state) === rollout.hash);
  if (!isExpected)
    yield { part: 'rollout', id: null, text: 'The rollout as it stands is not the one last recorded.' };
}

function* settingFindings(
  settings: KeptInPlace['settings'],
  said: ReadonlyMap<string, string>,
): Generator<Finding> {
  const names = new Set([...said.keys(), ...settings.map(({ name }) => name)]);
  const hashes = new Map(settings.map(({ name, value }) => [name, textHash(value)]));
  for (const name of names)
    if (hashes.get(name) !== said.get(name))
      yield { part: 'settings', id: null, text: `The setting ${name} is not the one last recorded.` };
}

function* signatureFindings({ keptEnd }: Snapshot, { key = null }: CheckedAgainst): Generator<Finding> {
  if (key === null) return;
  const mac = keptEnd?.mac ?? null;
  if (mac === null) yield { part: 'signature', id: null, text: 'The record is not signed.' };
  else if (keptEnd !== null && !isSignedBy(key, keptEnd.end, mac))
    yield {
      part: 'signature',
      id: null,
      text: "The record's end is not signed with this key: it was changed by something else, or this is another key.",
    };
}

function signatureOf({ keptEnd }: Snapshot, { key = null }: CheckedAgainst): RecordCheck['signature'] {
  if (keptEnd === null || keptEnd.mac === null) return 'none';
  return key !== null && isSignedBy(key, keptEnd.end, keptEnd.mac) ? 'valid' : 'unchecked';
}

function* endFindings(
  { version }: Snapshot,
  said: JournalSaid | null,
  { end = null }: CheckedAgainst,
  givenEnd: number | null,
): Generator<Finding> {
  if (end === null || givenEnd !== null) return;
  const now = said === null ? '' : `; it has ${said.last.id} entries now`;
  const older =
    version < journalVersion
      ? ', or has gone on since: a file of this version can only be compared with its very end'
      : '';
  yield {
    part: 'end',
    id: null,
    text: `The record does not lead to the end that was given: what led there was removed or written anew${older}${now}.`,
  };
}

function* fileFindings({ schema, damage }: Snapshot): Generator<Finding> {
  if (damage !== null) yield { part: 'file', id: null, text: `The file is damaged: ${damage}.` };
  if (schema !== null)
    yield { part: 'schema', id: null, text: `The file's structure was changed: ${schema}` };
}
