import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { apiErrors, type CatalogError, type ProxyError, proxyErrors } from '#src/base/error-catalog.ts';
import { failureCauses, failurePhases } from '#src/core/telemetry/failure-cause.ts';
import { ownResources } from '#src/core/telemetry/own-shortage.ts';

const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
const [, proxySection = '', apiSection = ''] = page.split(/^## From the /m);
const [refusals = '', causes = '', shortages = ''] = proxySection.split(/^### /m);

function rowsOf(section: string): string[] {
  return section.split('\n').filter((line) => line.startsWith('| `'));
}

const rowFor = (error: CatalogError): string =>
  `| \`${error.code}\` | ${error.status} | ${error.fault} | ${error.retryable ? 'yes' : 'no'} | ${error.title} |`;

const orDash = (value: string | number | null): string => (value === null ? '–' : `\`${value}\``);

const proxyRowFor = (error: ProxyError): string =>
  `| \`${error.code}\` | ${error.status} | ${error.fault} | ${error.retryable ? 'yes' : 'no'} | ${orDash(error.kind)} | ${orDash(error.replayOn)} | ${error.title} |`;

/** The code words in the cell of a row. */
const wordsIn = (row: string | undefined, cell: number): string[] =>
  [...(row?.split(' | ')[cell] ?? '').matchAll(/`([^`]+)`/g)].map(([, word = '']) => word);

describe('docs/errors.md', () => {
  it('lists every error of the proxy as the catalog has it, and no other', () => {
    assert.deepEqual(rowsOf(refusals), Object.values(proxyErrors).map(proxyRowFor));
  });

  it('lists every phase and every code of it with which an upstream fails, and no other', () => {
    const rows = rowsOf(causes).slice(0, failurePhases.length);
    const listed = rows.flatMap((row) => wordsIn(row, 2).map((code) => `${wordsIn(row, 0)[0]} ${code}`));
    assert.deepEqual(
      listed,
      failureCauses.map(({ phase, code }) => `${phase} ${code}`),
    );
  });

  it('explains only codes that there are', () => {
    const explained = rowsOf(causes).slice(failurePhases.length);
    const known = new Set(failureCauses.map(({ code }) => code));
    for (const row of explained) for (const code of wordsIn(row, 0)) assert.ok(known.has(code), code);
  });

  it('lists every resource of ours that can be short, and no other', () => {
    assert.deepEqual(
      rowsOf(shortages).map((row) => wordsIn(row, 0)[0]),
      [...ownResources],
    );
  });

  it('lists every error of the control API as the catalog has it, and no other', () => {
    assert.deepEqual(rowsOf(apiSection), Object.values(apiErrors).map(rowFor));
  });
});
