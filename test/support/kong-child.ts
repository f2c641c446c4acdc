// A Kong look-alike in a process of its own, to be broken and killed. Every token goes to a file at once, so
// that the record of what was delivered outlives the process.
import { openSync, writeSync } from 'node:fs';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRandom } from '#src/base/random.ts';
import { noFault } from '#src/demo/cluster-fault.ts';
import { createKongNode, type KongClusterState } from '#src/demo/kong-node.ts';
import type { KongOptions, KongOrder, KongReport } from './kong-process.ts';

const options = JSON.parse(process.argv[2] as string) as KongOptions;
const record = openSync(options.recordPath, 'a');
const report = (message: KongReport): void => {
  process.send?.(message);
};

const state: KongClusterState = {
  version: options.version,
  random: createRandom(options.seed),
  latencyMsMedian: options.latencyMsMedian,
  latencySigma: options.latencySigma,
  errorShare: options.errorShare,
  limitPerMinute: null,
  fault: noFault,
  requestCount: 0,
  countByStatus: new Map(),
  countByToken: new Map(),
  limitMinute: 0,
  limitUsed: 0,
};

async function open(port: number): Promise<Server> {
  const server = createKongNode(state);
  server.on('request', ({ headers }: IncomingMessage) => {
    const token = headers['x-token'];
    if (typeof token === 'string') writeSync(record, `${token}\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return server;
}

const servers = await Promise.all(options.ports.map(open));
report({ type: 'listening', ports: servers.map((server) => (server.address() as AddressInfo).port) });
process.on('message', (order: KongOrder) => {
  state.fault = order.fault;
  report({ type: 'done' });
});
process.on('disconnect', () => process.exit(0));
