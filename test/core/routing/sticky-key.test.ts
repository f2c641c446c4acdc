import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRandom } from '#src/base/random.ts';
import { belowWeight, hashAddress, hashAscii, hashBytes } from '#src/core/routing/sticky-key.ts';
import { PPM } from '#src/limits.ts';

const ascii = new TextEncoder();
const hashText = (text: string, salt: number): number => {
  const bytes = ascii.encode(text);
  return hashBytes(bytes, 0, bytes.length, salt);
};

/** Upper 99.9 % point of chi-squared by Wilson and Hilferty; 3.0902 is the normal one. */
function chiSquaredLimit(degrees: number): number {
  const spread = 2 / (9 * degrees);
  return degrees * (1 - spread + 3.0902 * Math.sqrt(spread)) ** 3;
}

test('hashBytes is MurmurHash3 x86-32 when compared with published vectors', () => {
  const vectors: readonly [string, number, number][] = [
    ['', 0, 0],
    ['', 1, 0x514e28b7],
    ['', -1, 0x81f16f39],
    ['aaaa', 0x9747b28c | 0, 0x5a97808a],
    ['aaa', 0x9747b28c | 0, 0x283e0130],
    ['aa', 0x9747b28c | 0, 0x5d211726],
    ['a', 0x9747b28c | 0, 0x7fa09ea6],
    ['Hello, world!', 0x9747b28c | 0, 0x24884cba],
    ['The quick brown fox jumps over the lazy dog', 0x9747b28c | 0, 0x2fa826cd],
  ];
  for (const [text, salt, expected] of vectors) assert.equal(hashText(text, salt), expected, text);
});

test('hashBytes hashes the range alone when it is part of more bytes', () => {
  const bytes = ascii.encode('x-key: user-17\r\n');
  assert.equal(hashBytes(bytes, 7, 14, 5), hashText('user-17', 5));
});

test('hashAscii agrees with hashBytes when the text is ASCII', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary-ascii' }), fc.integer(), (text, salt) => {
      assert.equal(hashAscii(text, 0, salt), hashText(text, salt));
    }),
  );
});

test('hashAddress treats an IPv4-mapped address as its IPv4 form', () => {
  assert.equal(hashAddress('::ffff:192.0.2.1', 9), hashAddress('192.0.2.1', 9));
  assert.notEqual(hashAddress('::ffff:1', 9), hashAddress('1', 9));
});

test('belowWeight is monotone in the weight, and crossed once, for every hash', () => {
  const hash = fc.oneof(
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    fc.constantFrom(0, 1, 2 ** 31, 2 ** 32 - 1),
  );
  const weight = fc.integer({ min: 0, max: PPM });
  fc.assert(
    fc.property(hash, weight, weight, (position, a, b) => {
      const [low, high] = a < b ? [a, b] : [b, a];
      if (belowWeight(position, low)) assert.ok(belowWeight(position, high));
      assert.equal(belowWeight(position, a), position / 2 ** 32 < a / PPM);
    }),
    { numRuns: 2_000 },
  );
});

test('belowWeight is never at 0 and always at 1,000,000', () => {
  for (const position of [0, 1, 2 ** 31, 2 ** 32 - 1]) {
    assert.equal(belowWeight(position, 0), false);
    assert.equal(belowWeight(position, PPM), true);
  }
});

test('a key crosses from X to Y at most once when the weight climbs through every step', () => {
  const salt = 0x1234567;
  const weights = Array.from({ length: 1001 }, (_, index) => index * 1000);
  for (let user = 0; user < 500; user++) {
    const position = hashText(`user-${user}`, salt);
    const sides = weights.map((weight) => belowWeight(position, weight));
    const crossings = sides.filter((side, index) => index > 0 && side !== sides[index - 1]);
    assert.deepEqual(crossings, [true], `user-${user}`);
  }
});

const keyFamilies: readonly [string, (index: number) => string][] = [
  ['counted names', (index) => `user-${index}`],
  [
    'IPv4 addresses of one network',
    (index) => `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`,
  ],
  [
    'UUIDs that differ in the first group',
    (index) => `${index.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`,
  ],
];
for (const [name, keyAt] of keyFamilies) {
  test(`hashes spread evenly when keys are ${name}`, () => {
    const binCount = 1000;
    const keyCount = 200_000;
    for (const salt of [0, 1, -1, 0x5bd1e995]) {
      const bins = new Float64Array(binCount);
      for (let index = 0; index < keyCount; index++) {
        const bin = Math.floor((hashText(keyAt(index), salt) / 2 ** 32) * binCount);
        bins[bin] = (bins[bin] as number) + 1;
      }
      const expected = keyCount / binCount;
      const chiSquared = bins.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
      assert.ok(chiSquared < chiSquaredLimit(binCount - 1), `salt ${salt}: ${chiSquared}`);
    }
  });
}

test('another salt places keys anew when a new rollout starts', () => {
  const { nextUint32 } = createRandom(7);
  const keyCount = 100_000;
  let both = 0;
  const [first, second] = [nextUint32() | 0, nextUint32() | 0];
  for (let index = 0; index < keyCount; index++) {
    const isEarlyTwice =
      belowWeight(hashText(`u${index}`, first), 100_000) &&
      belowWeight(hashText(`u${index}`, second), 100_000);
    if (isEarlyTwice) both++;
  }
  // Independent placements: 1 % of the keys are among the first 10 % both times; 3.29 standard deviations are
  // 99.9 %.
  assert.ok(Math.abs(both - keyCount * 0.01) < 3.29 * Math.sqrt(keyCount * 0.01 * 0.99), String(both));
});
