// Seeded pseudo-random numbers (sfc32): fast enough for one draw per request, reproducible in tests and
// simulations.

export interface Random {
  /** Uniform in [0, 2^32), an unsigned 32-bit integer. */
  nextUint32(): number;
  /** Uniform in [0, 1) with 32 bits of resolution. */
  next(): number;
}

/** Deterministic generator for a 32-bit seed. Chris Doty-Humphrey's sfc32 (PractRand). */
export function createRandom(seed: number): Random {
  let a = seed | 0;
  let b = 0x9e3779b9 | 0;
  let c = 0x243f6a88 | 0;
  let counter = 1;
  const nextUint32 = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  for (let round = 0; round < 12; round++) nextUint32();
  return { nextUint32, next: () => nextUint32() / 0x1_0000_0000 };
}
