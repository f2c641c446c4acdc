// Entry of the thread of a cluster that imitates Kong: opens its nodes' listeners and does what the thread
// that started it asks for.
import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import process from 'node:process';
import { parentPort, workerData } from 'node:worker_threads';
import { assert, unreachable } from '#src/base/assert.ts';
import { createRandom } from '#src/base/random.ts';
import { type ClusterFault, noFault } from './cluster-fault.ts';
import type { FromKongWorker, KongClusterOptions, ToKongWorker } from './kong-messages.ts';
import { createKongNode, type KongClusterState } from './kong-node.ts';

/** A node's listener. It has the same port again after it was dead. */
interface Node {
  readonly server: Server;
  readonly port: number;
  readonly sockets: Set<Socket>;
}

const options = workerData as KongClusterOptions;
assert(parentPort !== null, 'a cluster runs in a worker thread');
const parent = parentPort;
const post = (message: FromKongWorker): void => parent.postMessage(message);

const state: KongClusterState = {
  version: options.version,
  random: createRandom(options.seed),
  latencyMsMedian: options.latencyMsMedian,
  latencySigma: options.latencySigma,
  errorShare: options.errorShare,
  limitPerMinute: options.limitPerMinute,
  fault: noFault,
  requestCount: 0,
  countByStatus: new Map(),
  countByToken: new Map(),
  limitMinute: 0,
  limitUsed: 0,
};
const nodes: Node[] = [];

async function open(port: number): Promise<Node> {
  const server = createKongNode(state);
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return { server, port: (server.address() as AddressInfo).port, sockets };
}

/** Closes the listener and resets all connections, as when a process is killed. */
async function kill(node: Node): Promise<void> {
  if (!node.server.listening) return;
  const closed = new Promise<void>((resolve) => node.server.close(() => resolve()));
  for (const socket of node.sockets) socket.resetAndDestroy();
  await closed;
}

async function revive(node: Node): Promise<void> {
  if (node.server.listening) return;
  const index = nodes.indexOf(node);
  nodes[index] = await open(node.port);
}

async function setFault(fault: ClusterFault): Promise<void> {
  state.fault = fault;
  await Promise.all([...nodes].map(fault.kind === 'dead' ? kill : revive));
}

async function handle(message: ToKongWorker): Promise<void> {
  switch (message.type) {
    case 'fault':
      await setFault(message.fault);
      return post({ type: 'done', requestId: message.requestId });
    case 'count': {
      const { requestCount, countByStatus, countByToken } = state;
      const counts = { requestCount, countByStatus, countByToken };
      return post({ type: 'counts', requestId: message.requestId, counts });
    }
    case 'stop':
      await Promise.all(nodes.map(kill));
      // Ends this thread, with all answers that are still to be sent.
      return process.exit(0);
    default:
      return unreachable(message);
  }
}

parent.on('message', (message: ToKongWorker) => void handle(message));
for (let index = 0; index < options.nodeCount; index++) nodes.push(await open(0));
post({ type: 'listening', ports: nodes.map((node) => node.port) });
