// docs/api.md lists the routes, error codes and events that the code has, and no others.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { apiErrors } from '#src/base/error-catalog.ts';
import { apiRoutes } from '../control-plane/support/api-routes.ts';
import { statusKeys } from '../control-plane/support/status-keys.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const text = readFileSync(join(root, 'docs/api.md'), 'utf8');

/** Rows of the table in a section: the cells between the bars. */
function rows(section: string): string[][] {
  const body = text.split(/^## /m).find((part) => part.startsWith(`${section}\n`)) ?? '';
  return body
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
}

const codes = (cell = ''): string[] => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] as string);

test('api documentation lists every route and no other', async () => {
  const documented = rows('Routes').flatMap(([cell]) => codes(cell));
  const routes = (await apiRoutes())
    .filter(({ method }) => method !== 'HEAD')
    .map(({ method, url }) => `${method} ${url.replaceAll(/:(\w+)/g, '{$1}')}`);
  assert.deepEqual(documented.toSorted(), routes.toSorted());
});

test('api documentation lists every error code with its status and no other', () => {
  const documented = rows('Errors').map(([code, status]) => `${codes(code)[0]} ${status}`);
  const known = Object.values(apiErrors).map(({ code, status }) => `${code} ${status}`);
  assert.deepEqual(documented.toSorted(), known.toSorted());
});

test('api documentation lists every member of the status and no other', () => {
  const documented = rows('Status').flatMap(([cell]) => codes(cell));
  assert.deepEqual(documented.toSorted(), [...statusKeys].toSorted());
});

test('api documentation lists every event that the code makes and no other', () => {
  const documented = rows('The record').flatMap(([cell]) => codes(cell));
  assert.deepEqual(documented.toSorted(), eventNames().toSorted());
});

/** Names of events in the sources, and those of transitions. */
function eventNames(): string[] {
  const sources = readdirSync(join(root, 'src/control-plane'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join(root, 'src/control-plane', file), 'utf8'));
  const supervisor = readdirSync(join(root, 'src/supervisor'))
    .map((file) => readFileSync(join(root, 'src/supervisor', file), 'utf8'))
    .join('\n');
  const transitions = readFileSync(join(root, 'src/core/rollout/rollout-effect.ts'), 'utf8');
  const names = new Set<string>();
  for (const source of sources) {
    for (const match of source.matchAll(/events\s*\.(?:add|draft)\(\{([^}]*?)text/gs))
      addNames(names, match[1] as string);
    for (const match of source.matchAll(/changeNodes\([^{]*\{\s*name: ('[^']+')/gs))
      addNames(names, match[1] as string);
  }
  for (const match of supervisor.matchAll(/type: 'lifecycle',\s*name: ('[^']+')/g))
    addNames(names, match[1] as string);
  for (const match of supervisor.matchAll(/\btell\(('[^']+')/g)) addNames(names, match[1] as string);
  for (const match of transitions.matchAll(/^ {4}\| '([^']+)'/gm)) names.add(`rollout-${match[1]}`);
  return [...names];
}

function addNames(names: Set<string>, source: string): void {
  for (const match of source.matchAll(/'([a-z]+(?:-[a-z]+)*)'/g)) {
    const name = match[1] as string;
    if (!['error', 'warn', 'info'].includes(name)) names.add(name);
  }
}
