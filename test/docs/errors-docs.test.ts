import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { apiErrors, type CatalogError, proxyErrors } from '#src/base/error-catalog.ts';

const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
const [, proxySection = '', apiSection = ''] = page.split(/^## From the /m);

function rowsOf(section: string): string[] {
  return section.split('\n').filter((line) => line.startsWith('| `'));
}

const rowFor = (error: CatalogError): string =>
  `| \`${error.code}\` | ${error.status} | ${error.fault} | ${error.retryable ? 'yes' : 'no'} | ${error.title} |`;

describe('docs/errors.md', () => {
  it('lists every error of the proxy as the catalog has it, and no other', () => {
    assert.deepEqual(rowsOf(proxySection), Object.values(proxyErrors).map(rowFor));
  });

  it('lists every error of the control API as the catalog has it, and no other', () => {
    assert.deepEqual(rowsOf(apiSection), Object.values(apiErrors).map(rowFor));
  });
});
