// Copies between byte arrays in the fastest way for each length. Measured on Node 26: a loop takes about 1 ns
// per byte, `set` of a whole array 12 ns and `set` of a subarray 40 ns, whatever the length. copyWithin works
// within one array only.

/** Up to this length a loop over the bytes is faster than `set` of a subarray. */
const loopBytesMax = 32;

/** Copies source[from..end) to out[at..]. @returns the position behind the copy. */
export function copyBytes(
  source: Uint8Array,
  from: number,
  end: number,
  out: Uint8Array,
  at: number,
): number {
  if (end - from > loopBytesMax) {
    out.set(source.subarray(from, end), at);
    return at + end - from;
  }
  let to = at;
  for (let i = from; i < end; i++) out[to++] = source[i] as number;
  return to;
}

/** Copies all of `piece` to out[at..]. @returns the position behind the copy. */
export function appendBytes(piece: Uint8Array, out: Uint8Array, at: number): number {
  out.set(piece, at);
  return at + piece.length;
}

export function writeLineEnd(out: Uint8Array, at: number): number {
  out[at] = 0x0d;
  out[at + 1] = 0x0a;
  return at + 2;
}

/**
 * Copies source from `runStart` up to the field at `slot` and writes that field as `name: value`, without the
 * white space that the sender had around its value. Returns the new end; the line may be one byte longer than
 * it came.
 */
export function writePlainly(
  source: Uint8Array,
  runStart: number,
  fields: Int32Array,
  slot: number,
  out: Uint8Array,
  at: number,
): number {
  // Up to the colon, which stands at nameEnd.
  let to = copyBytes(source, runStart, (fields[slot + 1] as number) + 1, out, at);
  out[to++] = 0x20;
  to = copyBytes(source, fields[slot + 2] as number, fields[slot + 3] as number, out, to);
  return writeLineEnd(out, to);
}
