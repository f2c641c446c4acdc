import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import { IntrusiveList, ListLink } from '#src/data-plane/base/intrusive-list.ts';

function forwards(list: IntrusiveList<number>): number[] {
  const members: number[] = [];
  for (let link = list.first; link !== null; link = link.next) members.push(link.member);
  return members;
}

function backwards(list: IntrusiveList<number>): number[] {
  const members: number[] = [];
  for (let link = list.last; link !== null; link = link.previous) members.push(link.member);
  return members;
}

/** A list beside the array that it is to agree with. */
interface Pair {
  readonly list: IntrusiveList<number>;
  model: number[];
}

function assertSame({ list, model }: Pair): void {
  assert.deepEqual(forwards(list), model);
  assert.deepEqual(backwards(list), model.toReversed());
  assert.equal(list.length, model.length);
}

/** One random operation on one of the lists, and the same on its array. */
function operate(kind: number, pair: Pair, link: ListLink<number>): void {
  const { list, model } = pair;
  if (kind === 0) assert.equal(list.removeFirst(), model.shift() ?? null);
  else if (kind === 1) assert.equal(list.removeLast(), model.pop() ?? null);
  else if (link.list === null) {
    list.add(link);
    model.push(link.member);
  } else if (link.list === list) {
    list.remove(link);
    pair.model = model.filter((member) => member !== link.member);
  }
}

describe('IntrusiveList', () => {
  it('agrees with an array on random operations, and so does another list with the same members', (t) => {
    const seed = (Math.random() * 2 ** 32) >>> 0;
    t.diagnostic(`seed ${seed}`);
    const random = createRandom(seed);
    const links = Array.from({ length: 12 }, (_, member) => new ListLink(member));
    const pairs: Pair[] = [1, 2].map(() => ({ list: new IntrusiveList<number>(), model: [] }));
    for (let count = 0; count < 20_000; count++) {
      const pair = pairs[random.nextUint32() % pairs.length] as Pair;
      const link = links[random.nextUint32() % links.length] as ListLink<number>;
      operate(random.nextUint32() % 8, pair, link);
      for (const each of pairs) assertSame(each);
      for (const { list, member, previous, next } of links) {
        const isIn = pairs.find(({ model }) => model.includes(member))?.list ?? null;
        assert.equal(list, isIn, `after ${count} operations`);
        assert.ok(list !== null || (previous === null && next === null), 'it holds nobody that it left');
      }
    }
  });

  it('lets a walk over the members take out the one it is at, when it has asked for the next before', () => {
    const list = new IntrusiveList<number>();
    for (let member = 0; member < 5; member++) list.add(new ListLink(member));
    for (let link = list.first; link !== null; ) {
      const { next } = link;
      if (link.member % 2 === 0) list.remove(link);
      link = next;
    }
    assert.deepEqual(forwards(list), [1, 3]);
  });

  it('does not take a member that is in a list already, nor let one go that is in another or in none', () => {
    const [list, other] = [new IntrusiveList<number>(), new IntrusiveList<number>()];
    const link = new ListLink(1);
    assert.throws(() => list.remove(link), /only members leave/);
    list.add(link);
    assert.throws(() => list.add(link), /one list at a time/);
    assert.throws(() => other.add(link), /one list at a time/);
    assert.throws(() => other.remove(link), /only members leave/);
    assert.deepEqual([forwards(list), forwards(other)], [[1], []]);
  });
});
