// The mark beside a store: a small file, made in advance and written over in place, that holds the last
// change of the rollout which the store may not have. A disk without room, and a store that fails or hangs,
// still take it. Two slots are written in turn, so that a write that is cut short leaves the one before.
import { createHash } from 'node:crypto';
import type { RolloutChange } from '#src/core/rollout/rollout-effect.ts';
import type { RecordEnd } from './record-end.ts';

export const markBytes = 4_096;
const slotCount = 2;
const slotBytes = markBytes / slotCount;

/** The mark of a store. */
export const markFileOf = (store: string): string => `${store}.mark`;

export interface Mark {
  /** Grows with every write of the mark: the slot with the larger one is newer. */
  readonly serial: number;
  /** Of the change, or of the store when that has everything: grows with every change of the rollout. */
  readonly revision: number;
  /** Null when the store had everything. */
  readonly change: RolloutChange | null;
  /** Where the record ended then; null when that was not known. */
  readonly end: RecordEnd | null;
}

/** First line of a slot: what it is, the length of what follows in bytes, and its SHA-256. */
const headPattern = /^crossover mark 1 (\d{1,5}) ([0-9a-f]{64})\n/;

/** Where in the file a mark goes: never where the one before is. */
export const slotOffset = (serial: number): number => (serial % slotCount) * slotBytes;

/** The bytes of a slot. A change that does not fit is shortened in its words, never in its numbers. */
export function encodeMark(mark: Mark): Buffer {
  const slot = Buffer.alloc(slotBytes, ' ');
  for (const shorten of shortenings) {
    const body = JSON.stringify({ ...mark, change: mark.change === null ? null : shorten(mark.change) });
    const bytes = Buffer.byteLength(body);
    const head = `crossover mark 1 ${bytes} ${createHash('sha256').update(body).digest('hex')}\n`;
    if (head.length + bytes >= slotBytes) continue;
    slot.write(`${head}${body}\n`);
    return slot;
  }
  throw new RangeError('a change without words is larger than a slot');
}

/** The newest mark in a file; null when no slot holds a whole one. */
export function decodeMark(file: Buffer): Mark | null {
  let newest: Mark | null = null;
  for (let slot = 0; slot < slotCount; slot++) {
    const mark = decodeSlot(file.subarray(slot * slotBytes, (slot + 1) * slotBytes));
    if (mark !== null && mark.serial > (newest?.serial ?? -1)) newest = mark;
  }
  return newest;
}

function decodeSlot(slot: Buffer): Mark | null {
  const head = headPattern.exec(slot.subarray(0, 128).toString('latin1'));
  if (head === null) return null;
  const [line, length, hash] = head as unknown as [string, string, string];
  const body = slot.subarray(line.length, line.length + Number(length));
  if (createHash('sha256').update(body).digest('hex') !== hash) return null;
  return JSON.parse(body.toString()) as Mark;
}

type Shorten = (change: RolloutChange) => RolloutChange;

/**
 * From all words to few. Parked routes are the last to go: the store has most of them, and the others are
 * found again.
 */
const shortenings: readonly Shorten[] = [
  (change) => change,
  (change) => withTexts(change, 200),
  (change) => withTexts(change, 60),
  (change) => withoutParked(withTexts(change, 60)),
];

/** Names of other things, which have to be whole or not there. */
const wholeTexts: ReadonlySet<string> = new Set(['id', 'name', 'phase']);

/** Every other text at most so many bytes long. */
function withTexts(change: RolloutChange, bytesMax: number): RolloutChange {
  const shorten = (name: string, value: unknown): unknown =>
    typeof value === 'string' && !wholeTexts.has(name) && Buffer.byteLength(value) > bytesMax
      ? `${firstBytes(value, bytesMax)}…`
      : value;
  return JSON.parse(JSON.stringify(change, shorten)) as RolloutChange;
}

function firstBytes(text: string, bytes: number): string {
  // A character that is cut decodes to a mark of replacement.
  return Buffer.from(text)
    .subarray(0, bytes)
    .toString()
    .replace(/\uFFFD+$/, '');
}

function withoutParked(change: RolloutChange): RolloutChange {
  const { parked: _parked, ...state } = change.state;
  return { ...change, state };
}
