// Cost of one route decision, in ns and in bytes allocated, by routing mode: node bench/micro/splitter.ts
import { pathToFileURL } from 'node:url';
import { createRandom } from '#src/base/random.ts';
import { parseRequestHead, RequestHead } from '#src/core/http1/request-head.ts';
import { decideRoute } from '#src/core/routing/route-decision.ts';
import type { RoutingOptions, RoutingRule } from '#src/core/routing/routing-options.ts';
import { compileRouting, type RoutingTable } from '#src/core/routing/routing-table.ts';

interface SplitterFigure {
  readonly mode: string;
  readonly nsPerDecision: number;
  /** Heap growth per decision; garbage that was collected meanwhile does not show, so runs are short. */
  readonly heapBytesPerDecision: number;
  /** Share of the decisions that were Y, so that the work can't be optimised away unseen. */
  readonly shareY: number;
}

const requestText = [
  'GET /api/v1/orders/4711?expand=lines HTTP/1.1',
  'Host: shop.example.com',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36',
  'Accept: application/json',
  'Accept-Encoding: gzip, br',
  'Cookie: theme=dark; session=6f1c2b7e9d3a4850; lang=en',
  'X-Api-Key: 4f3e2d1c0b9a8877',
  '',
  '',
].join('\r\n');

const rule = (pathPrefix: string): RoutingRule => ({
  name: pathPrefix,
  cluster: 'x',
  host: 'shop.example.com',
  pathPrefix,
  methods: null,
  header: null,
});
const plain: RoutingOptions = { sticky: { kind: 'none' }, rules: [], override: null };
const modes: readonly [string, RoutingOptions][] = [
  ['plain', plain],
  ['sticky by address', { ...plain, sticky: { kind: 'clientIp' } }],
  ['sticky by header', { ...plain, sticky: { kind: 'header', name: 'x-api-key' } }],
  ['sticky by cookie', { ...plain, sticky: { kind: 'cookie', name: 'session' } }],
  [
    'ten rules, none matching',
    { ...plain, rules: Array.from({ length: 10 }, (_, i) => rule(`/internal/${i}`)) },
  ],
  ['override header absent', { ...plain, override: { header: 'x-crossover-cluster', secret: 'not-sent' } }],
];

function parsedRequest(): { bytes: Uint8Array; head: RequestHead } {
  const bytes = new TextEncoder().encode(requestText);
  const head = new RequestHead();
  const end = parseRequestHead(bytes, 0, bytes.length, head, { headBytes: 32_768, headerCount: 100 });
  if (end !== bytes.length) throw new Error(`invariant broken: the request is invalid (${head.error})`);
  return { bytes, head };
}

function measure(mode: string, table: RoutingTable, decisionCount: number): SplitterFigure {
  const { bytes, head } = parsedRequest();
  const random = createRandom(1);
  const run = (count: number): number => {
    let onY = 0;
    for (let index = 0; index < count; index++) {
      onY += decideRoute(table, bytes, head, '192.0.2.17', 250_000, index, random.nextUint32()) & 1;
    }
    return onY;
  };
  run(Math.min(decisionCount, 200_000));
  const heapBefore = process.memoryUsage().heapUsed;
  const startNs = process.hrtime.bigint();
  const onY = run(decisionCount);
  const ns = Number(process.hrtime.bigint() - startNs);
  const heapBytes = Math.max(0, process.memoryUsage().heapUsed - heapBefore);
  return {
    mode,
    nsPerDecision: ns / decisionCount,
    heapBytesPerDecision: heapBytes / decisionCount,
    shareY: onY / decisionCount,
  };
}

/** Measures every mode. `smoke` runs just long enough to show that the benchmark works. */
export function benchSplitter(options: { readonly smoke: boolean }): SplitterFigure[] {
  const decisionCount = options.smoke ? 10_000 : 2_000_000;
  return modes.map(([mode, routing]) => measure(mode, compileRouting(routing), decisionCount));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const figure of benchSplitter({ smoke: process.argv.includes('--smoke') })) {
    const { mode, nsPerDecision, heapBytesPerDecision, shareY } = figure;
    const cost = `${nsPerDecision.toFixed(1).padStart(7)} ns ${heapBytesPerDecision.toFixed(2).padStart(6)} B`;
    console.log(`${mode.padEnd(26)}${cost}  ${(shareY * 100).toFixed(2)} % on Y`);
  }
}
