// Holds the layout to its two sides: what nobody counts is always 0, and what nobody reads is counted for
// nothing.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ANSWER, ATTEMPT, NODE, WORKER } from '#src/shared-memory/layout.ts';

const groups = { ANSWER, ATTEMPT, NODE, WORKER };
type Group = keyof typeof groups;

const root = fileURLToPath(new URL('../../src/', import.meta.url));
const textOf = (folder: string): string =>
  globSync(`${folder}/**/*.ts`, { cwd: root })
    .map((file) => readFileSync(`${root}${file}`, 'utf8').replaceAll(/\/\/.*|\/\*[\s\S]*?\*\//g, ''))
    .join('\n');

/** Who counts, and who reads: the supervisor does both for workers that are gone. */
const counting = textOf('data-plane') + textOf('supervisor');
const reading = textOf('control-plane') + textOf('supervisor');

/** Names under which an offset is used: a pair for X and Y goes by its first, with the arm added. */
function namesOf(key: string): string[] {
  return key.endsWith('Y') ? [key, `${key.slice(0, -1)}X`] : [key];
}

function isWritten(group: Group, key: string): boolean {
  return namesOf(key).some((name) => {
    const offset = `\\b${group}\\.${name}\\b`;
    const forms = [
      `(?:increment|add)\\([^;]*?${offset}`,
      `\\[[^\\]]*${offset}[^\\]]*\\]\\s*=[^=]`,
      `At = ${offset}`,
      // A table of what is counted: increment(slab, counter).
      `\\bcounter: ${offset}`,
    ];
    return forms.some((form) => new RegExp(form).test(counting));
  });
}

function isRead(group: Group, key: string): boolean {
  const assigned = new RegExp(`\\[[^\\]]*\\b${group}\\.${key}\\b[^\\]]*\\]\\s*=[^=]`, 'g');
  const text = reading.replaceAll(assigned, '');
  // Metrics read the single counters of a worker by name.
  return (
    new RegExp(`\\b${group}\\.${key}\\b`).test(text) || (group === 'WORKER' && text.includes(`'${key}'`))
  );
}

const counters = (Object.keys(groups) as Group[]).flatMap((group) =>
  Object.keys(groups[group])
    .filter((key) => key !== 'size')
    .map((key) => ({ group, key })),
);
const listOf = (those: typeof counters): string[] => those.map(({ group, key }) => `${group}.${key}`);

describe('every counter of the layout', () => {
  it('is written where things are counted', () => {
    assert.ok(counters.length > 50);
    assert.deepEqual(listOf(counters.filter(({ group, key }) => !isWritten(group, key))), []);
  });

  it('is read where things are decided or shown', () => {
    assert.deepEqual(listOf(counters.filter(({ group, key }) => !isRead(group, key))), []);
  });

  it('is a place of its own', () => {
    for (const group of Object.keys(groups) as Group[]) {
      const offsets = Object.values(groups[group]);
      assert.equal(new Set(offsets).size, offsets.length, group);
    }
  });
});
