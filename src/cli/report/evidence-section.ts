// The part of a report about the evidence that was kept at a revert: routes, requests, the last minutes,
// nodes and the verdict.

import type { FailurePhase } from '#src/core/telemetry/failure-cause.ts';
import { commonRequestText } from '#src/record/common-request.ts';
import type {
  ArmTraffic,
  CauseRequest,
  EvidenceWindow,
  FrozenEvidence,
  RouteFailures,
} from '#src/record/frozen-evidence.ts';
import type { NodeView } from '#src/record/node-view.ts';
import { count, latency, percent, weight } from '#src/terminal/figures.ts';
import { type Html, html, type Piece } from './html.ts';
import { sentence } from './sentence.ts';
import { makersNote, streamTable } from './timeline-section.ts';
import { clockTime } from './times.ts';

/** Nothing when the rollout was not reverted, or when no evidence was kept. */
export function evidenceSection(evidence: FrozenEvidence | null): Piece {
  if (evidence === null) return null;
  const { cause, fromWeight, problem, verdict } = evidence;
  return html`<section id="evidence"><h2>Evidence, frozen at the revert</h2>
<p>Reverted from ${weight(fromWeight)} on Y (${cause.name}): ${sentence(cause.text)}</p>
${problem === null ? null : html`<p class="note">${problem}</p>`}
${routesTable(evidence.routes)}
${samplesTable(evidence.samples)}
${windowsTable(evidence.windows)}
${nodesTable(evidence)}
${verdict === null ? null : html`<h3>The verdict's comparisons</h3>${makersNote(verdict)}${streamTable(verdict)}`}
</section>`;
}

function routesTable(routes: readonly RouteFailures[]): Piece {
  if (routes.length === 0) return html`<p class="note">No route failed on Y in the last minutes.</p>`;
  return html`<h3>Routes that failed on Y</h3>
<div class="scroll"><table class="numbers wrap"><thead><tr><th>Route</th><th>X failed</th><th>Y failed</th></tr></thead>
<tbody>${routes.map(({ route, x, y }) => html`<tr><td>${route}</td><td>${failedText(x)}</td><td>${failedText(y)}</td></tr>`)}</tbody></table></div>`;
}

const failedText = ({ requests, failures }: RouteFailures['x']): string =>
  requests === 0
    ? failures === 0
      ? 'no requests'
      : count(failures)
    : `${count(failures)} of ${count(requests)} (${percent(failures / requests)})`;

function samplesTable(samples: readonly CauseRequest[]): Piece {
  if (samples.length === 0) return null;
  const common = commonRequestText(samples);
  return html`<h3>Requests that speak against Y, the last</h3>
${common === null ? null : html`<p>${common}.</p>`}
<div class="scroll"><table class="samples"><thead><tr><th>Time</th><th>Request</th><th>Answer</th><th>Made by</th><th>After</th><th>Node</th><th>Request id</th></tr></thead>
<tbody>${samples.map(
    (sample) =>
      html`<tr><td>${clockTime(sample.atMs)}</td><td>${sample.request}</td><td>${answerText(sample)}</td><td>${makerText(sample)}</td><td>${latency(sample.latencyMs)}</td><td>${sample.node ?? '–'}</td><td><code>${sample.requestId}</code></td></tr>`,
  )}</tbody></table></div>`;
}

const phaseTexts: Readonly<Record<FailurePhase, string>> = {
  select: 'no node',
  connect: 'while connecting',
  send: 'while the request was sent',
  head: 'before the response head',
  body: 'within the body',
};

/**
 * The status, or what went wrong in its place: the kind, and where it is known how far the request had come
 * and why it failed.
 */
function answerText({ status, kind, cause }: CauseRequest): string {
  if (status !== null) return `${status}`;
  if (kind === null) return '';
  return cause == null ? kind : `${kind}: ${phaseTexts[cause.phase]}, ${cause.code.replaceAll('_', ' ')}`;
}

const makerText = ({ maker }: CauseRequest): string =>
  maker === 'kong' ? 'Kong' : maker === 'service' ? 'the service' : '–';

function windowsTable(windows: readonly EvidenceWindow[]): Piece {
  if (windows.length === 0) return null;
  return html`<h3>The last minutes</h3>
<details><summary>${windows.length} pieces of up to ten seconds</summary>
<div class="scroll"><table class="numbers"><thead><tr><th>Until</th><th>X requests</th><th>X failed</th><th>X p50</th><th>X p99</th><th>Y requests</th><th>Y failed</th><th>Y p50</th><th>Y p99</th></tr></thead>
<tbody>${windows.map(({ atMs, x, y }) => html`<tr><td>${clockTime(atMs)}</td>${armCells(x)}${armCells(y)}</tr>`)}</tbody></table></div></details>`;
}

const orDash = (value: number | null): string => (value === null ? '–' : latency(value));

const armCells = ({ requests, failures, p50Ms, p99Ms }: ArmTraffic): Html =>
  html`<td>${count(requests)}</td><td>${requests === 0 ? '–' : percent(failures / requests)}</td><td>${orDash(p50Ms)}</td><td>${orDash(p99Ms)}</td>`;

function nodesTable({ nodes }: FrozenEvidence): Html {
  const rows = (['x', 'y'] as const).flatMap((cluster) =>
    nodes[cluster].map(
      (node) =>
        html`<tr><td>${cluster.toUpperCase()}</td><td>${node.id}</td><td>${stateOf(node)}</td><td>${count(node.requests)}</td><td>${count(node.failures)}</td></tr>`,
    ),
  );
  return html`<h3>Nodes</h3>
<div class="scroll"><table class="numbers nodes"><thead><tr><th>Cluster</th><th>Node</th><th>State</th><th>Requests</th><th>Failed</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

function stateOf({ healthy, ejected, draining }: NodeView): string {
  const health = healthy === null ? 'not checked yet' : healthy ? 'healthy' : 'unhealthy';
  return [health, ejected ? 'ejected' : '', draining ? 'draining' : '']
    .filter((word) => word !== '')
    .join(', ');
}
