import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  forgetInheritedListeners,
  isForAnother,
  readInheritedListeners,
} from '#src/supervisor/inherited-listeners.ts';

const pid = 4711;
const mine = { LISTEN_PID: String(pid) };

describe('inherited listeners', () => {
  it('are none without the variables, for another process, and when there are 0', () => {
    assert.equal(readInheritedListeners({}, pid), null);
    assert.equal(readInheritedListeners({ LISTEN_FDS: '1', LISTEN_PID: '4712' }, pid), null);
    assert.equal(readInheritedListeners({ LISTEN_FDS: '1' }, pid), null);
    assert.equal(readInheritedListeners({ ...mine, LISTEN_FDS: '0' }, pid), null);
    assert.equal(isForAnother({ LISTEN_FDS: '1', LISTEN_PID: '4712' }, pid), true);
    assert.equal(isForAnother({ ...mine, LISTEN_FDS: '1' }, pid), false);
  });

  it("are the proxy's unless they are named control", () => {
    const unnamed = readInheritedListeners({ ...mine, LISTEN_FDS: '2' }, pid);
    assert.deepEqual(unnamed, { names: ['proxy', 'proxy'], from: 'service manager' });
    const named = readInheritedListeners({ ...mine, LISTEN_FDS: '2', LISTEN_FDNAMES: 'web:control' }, pid);
    assert.deepEqual(named?.names, ['web', 'control']);
    const handedOver = readInheritedListeners({ CROSSOVER_INHERITED_LISTENERS: 'proxy:control' }, pid);
    assert.deepEqual(handedOver, { names: ['proxy', 'control'], from: 'predecessor' });
  });

  const wrong: [Record<string, string>, RegExp][] = [
    [{ LISTEN_FDS: 'two' }, /LISTEN_FDS is "two", not a number/],
    [{ LISTEN_FDS: '-1' }, /LISTEN_FDS is "-1", not a number/],
    [{ LISTEN_FDS: '99999' }, /LISTEN_FDS is "99999", not a number/],
    [{ LISTEN_FDS: '2', LISTEN_FDNAMES: 'proxy' }, /says 2 sockets, LISTEN_FDNAMES names 1: proxy/],
    [{ LISTEN_FDS: '1', LISTEN_FDNAMES: 'control' }, /the proxy has none/],
  ];
  for (const [variables, message] of wrong) {
    it(`are refused as ${JSON.stringify(variables)}`, () => {
      const read = () => readInheritedListeners({ ...mine, ...variables }, pid);
      assert.throws(read, { name: 'StartError', message });
    });
  }

  it('are not left to children', () => {
    const env = {
      ...mine,
      LISTEN_FDS: '1',
      LISTEN_FDNAMES: 'proxy',
      CROSSOVER_INHERITED_LISTENERS: 'x',
      A: '1',
    };
    forgetInheritedListeners(env);
    assert.deepEqual(env, { A: '1' });
  });
});
