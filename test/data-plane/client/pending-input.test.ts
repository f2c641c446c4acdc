import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import { PendingInput } from '#src/data-plane/client/pending-input.ts';
import { FakePlane } from '../../support/fake-plane.ts';

const keep = (input: PendingInput, text: string): void => {
  const bytes = Buffer.from(`<${text}>`, 'latin1');
  input.keep(bytes, 1, bytes.length - 1);
};
const textOf = ({ buffer, from, end }: PendingInput): string => buffer?.toString('latin1', from, end) ?? '';

describe('pending input', () => {
  it('holds no buffer while it is empty, and a small one for what fits', () => {
    const { runtime } = new FakePlane();
    const input = new PendingInput(runtime);
    keep(input, '');
    assert.deepEqual([input.isEmpty, input.length, input.takeCopy()], [true, 0, null]);
    keep(input, 'abc');
    keep(input, 'def');
    assert.equal(input.buffer?.length, runtime.smallRequests.bytes);
    assert.deepEqual([input.isEmpty, input.length, textOf(input)], [false, 6, 'abcdef']);
    assert.equal(input.takeCopy()?.toString(), 'abcdef');
    assert.equal(input.isEmpty, true);
  });

  it('agrees with a string on random operations, whatever fits where', (t) => {
    const seed = (Math.random() * 2 ** 32) >>> 0;
    t.diagnostic(`seed ${seed}`);
    const random = createRandom(seed);
    const { runtime } = new FakePlane();
    const input = new PendingInput(runtime);
    let model = '';
    for (let count = 0; count < 3_000; count++) {
      const kind = random.nextUint32() % 8;
      if (kind < 5 && model.length < 2 * runtime.largeInputs.bytes) {
        const length = random.nextUint32() % (kind === 0 ? 20_000 : 1_500);
        const text = String.fromCharCode(97 + (count % 26)).repeat(length);
        keep(input, text);
        model += text;
      } else if (kind < 7 && !input.isEmpty) {
        const taken = 1 + (random.nextUint32() % model.length);
        input.dropTo(input.from + taken);
        model = model.slice(taken);
      } else {
        input.drop();
        model = '';
      }
      assert.equal(textOf(input), model, `after ${count} operations`);
      assert.equal(input.isEmpty, model === '');
      assert.equal(input.length, model.length);
    }
  });

  it('gives its buffers back', () => {
    const { runtime } = new FakePlane();
    const input = new PendingInput(runtime);
    keep(input, 'abc');
    const small = input.buffer;
    keep(input, 'x'.repeat(runtime.smallRequests.bytes));
    const large = input.buffer;
    assert.equal(large?.length, runtime.largeInputs.bytes);
    assert.equal(runtime.smallRequests.take(), small);
    input.drop();
    assert.equal(runtime.largeInputs.take(), large);
  });

  it('tells when the head that it keeps is worth another look', () => {
    const input = new PendingInput(new FakePlane().runtime);
    const add = (text: string): boolean => input.keepHead(Buffer.from(text, 'latin1'), text.length);
    assert.equal(add('GET / HT'), false);
    assert.equal(add('TP/1.1\r'), false);
    assert.equal(add('\n'), true);
    assert.equal(add('Host: h'), false);
    assert.equal(add('\x01'), true);
  });

  it('knows the beginning of a HEAD request behind blank lines', () => {
    const beginsHead = (text: string): boolean => {
      const input = new PendingInput(new FakePlane().runtime);
      keep(input, text);
      return input.beginsHead();
    };
    assert.deepEqual(
      ['HEAD / HTTP/1.1\r\n', '\r\n\r\nHEAD /', 'HEAD', 'GET / HTTP/1.1\r\nHEAD ', ''].map(beginsHead),
      [true, true, false, false, false],
    );
  });
});
