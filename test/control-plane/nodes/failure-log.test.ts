import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FailureLog } from '#src/control-plane/nodes/failure-log.ts';
import { NodeDirectory } from '#src/control-plane/nodes/node-directory.ts';
import { failureCause } from '#src/core/telemetry/failure-cause.ts';
import type { OwnResource } from '#src/core/telemetry/own-shortage.ts';
import { causesOffset, noNodeSlot, shortageOffset, WORKER, Y } from '#src/shared-memory/layout.ts';
import type { LogLine } from '#src/shared-memory/messages.ts';
import { createSharedMemory, type SharedMemory } from '#src/shared-memory/shared-memory.ts';
import { add } from '../support/counters.ts';

const node = (id: string, slot: number) => ({ slot, id, host: '127.0.0.1', port: 1, draining: false });
const refused = causesOffset(Y, 0) + failureCause('connect', 'ECONNREFUSED').index;
const reset = causesOffset(Y, 1) + failureCause('head', 'ECONNRESET').index;
const minuteMs = 60_000;

function make(memory: SharedMemory = createSharedMemory(2)) {
  const directory = new NodeDirectory(memory, { x: [], y: [node('y0', 0), node('y1', 1)] });
  const checkShortages = new Map<OwnResource, number>();
  const lines: LogLine[] = [];
  const log = new FailureLog({ memory, directory, checkShortages, log: (line) => lines.push(line) });
  /** What is logged at this time. */
  const at = (nowMs: number): unknown[] => {
    log.observe(nowMs);
    return lines.splice(0).map(({ fields }) => Object.values(fields).join(' '));
  };
  return { memory, directory, checkShortages, log, lines, at };
}

describe('the log of failures', () => {
  it('has a line for each cause and node, with what all workers counted', () => {
    const { memory, at } = make();
    add(memory, 0, refused, 2);
    add(memory, 1, refused, 3);
    add(memory, 1, reset, 1);
    add(memory, 0, causesOffset(Y, noNodeSlot), 7);
    assert.deepEqual(at(0), ['y y0 connect ECONNREFUSED 5', 'y y1 head ECONNRESET 1', 'y  select no_node 7']);
  });

  it('says nothing more for a minute, then how many there were since', () => {
    const { memory, at } = make();
    add(memory, 0, refused, 1);
    assert.deepEqual(at(0), ['y y0 connect ECONNREFUSED 1']);
    add(memory, 0, refused, 10);
    add(memory, 0, reset, 1);
    assert.deepEqual(at(minuteMs - 1), ['y y1 head ECONNRESET 1']);
    assert.deepEqual(at(minuteMs + 1_000), ['y y0 connect ECONNREFUSED 10']);
    assert.deepEqual(at(3 * minuteMs), []);
  });

  it('says which clients gave way to others, kind by kind', () => {
    const { memory, at } = make();
    add(memory, 0, WORKER.gaveWayUpload, 2);
    add(memory, 1, WORKER.gaveWayUpload, 1);
    add(memory, 1, WORKER.gaveWaySilent, 5);
    assert.deepEqual(at(0), ['upload 3', 'silent 5']);
    add(memory, 1, WORKER.gaveWaySilent, 1);
    assert.deepEqual(at(1_000), []);
  });

  it('does not repeat what an earlier control thread has logged', () => {
    const { memory, at } = make();
    add(memory, 0, refused, 4);
    at(0);
    const next = make(memory);
    assert.deepEqual(next.at(0), []);
    add(memory, 0, refused, 1);
    assert.deepEqual(next.at(1_000), ['y y0 connect ECONNREFUSED 1']);
  });

  it('begins anew with a node that got the slot of another', () => {
    const { memory, directory, at } = make();
    add(memory, 0, refused, 4);
    at(0);
    add(memory, 0, refused, -3);
    directory.replace({ x: [], y: [node('y2', 0)] });
    assert.deepEqual(at(1_000), ['y y2 connect ECONNREFUSED 1']);
    // The same node anew, before anybody looked.
    add(memory, 0, refused, 6);
    assert.deepEqual(at(2 * minuteMs), ['y y2 connect ECONNREFUSED 6']);
    add(memory, 0, refused, -5);
    assert.deepEqual(at(4 * minuteMs), ['y y2 connect ECONNREFUSED 2']);
  });

  it('has our own shortages, each once a minute', () => {
    const { memory, checkShortages, log, lines } = make();
    add(memory, 0, shortageOffset('connect', 'descriptors'), 2);
    add(memory, 1, shortageOffset('accept', 'descriptors'), 1);
    add(memory, 1, shortageOffset('connect', 'queue'), 5);
    checkShortages.set('descriptors', 3);
    for (let second = 0; second < 60; second++) {
      add(memory, 0, shortageOffset('connect', 'descriptors'), 1);
      log.observe(second * 1_000);
    }
    assert.deepEqual(
      lines.map(({ fields }) => [fields.operation, fields.resource, fields.count]),
      [
        ['accept', 'descriptors', 1],
        ['connect', 'descriptors', 3],
        ['connect', 'queue', 5],
        ['check', 'descriptors', 3],
      ],
    );
  });
});
