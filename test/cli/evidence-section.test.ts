import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { evidenceSection } from '#src/cli/report/evidence-section.ts';
import { html } from '#src/cli/report/html.ts';
import type { CauseRequest, FrozenEvidence } from '#src/record/frozen-evidence.ts';

const request: CauseRequest = {
  atMs: 0,
  requestId: 'id',
  request: 'GET /path',
  route: 'route',
  node: 'y0',
  status: null,
  kind: null,
  latencyMs: 1,
};

/** The text of the section's cells for a request. */
function cellsOf(sample: Partial<CauseRequest>): string[] {
  const evidence: FrozenEvidence = {
    id: 'r',
    atMs: 0,
    rolloutId: 'r',
    actor: 'crossover',
    cause: { name: 'evidence', text: 'errors' },
    fromWeight: 5,
    configRevision: 1,
    problem: null,
    verdict: null,
    windows: [],
    routes: [],
    samples: [{ ...request, ...sample }],
    nodes: { x: [], y: [] },
  };
  const [, rows = ''] = html`${evidenceSection(evidence)}`.html.split('class="samples"');
  return [...rows.matchAll(/<td>(.*?)<\/td>/g)].map(([, text = '']) => text);
}

describe('the report on frozen evidence', () => {
  it('says how far a request had come that got no answer, and why', () => {
    const cause = { phase: 'connect', code: 'ECONNREFUSED' } as const;
    assert.equal(cellsOf({ kind: 'connect', cause })[2], 'connect: while connecting, ECONNREFUSED');
    const rule = { phase: 'head', code: 'header_field_malformed' } as const;
    assert.equal(
      cellsOf({ kind: 'protocol', cause: rule })[2],
      'protocol: before the response head, header field malformed',
    );
  });

  it('says the status of an answer, and the kind where an earlier version kept no cause', () => {
    assert.equal(cellsOf({ status: 503, cause: null })[2], '503');
    assert.equal(cellsOf({ kind: 'timeout' })[2], 'timeout');
  });
});
