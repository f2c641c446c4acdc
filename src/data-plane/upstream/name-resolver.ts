// Turns the nodes' host names into addresses, ahead of the requests that need them, and again from time to
// time.
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { LogLine } from '#src/shared-memory/messages.ts';
import type { Cluster } from './cluster.ts';
import type { UpstreamNode } from './upstream-node.ts';

/** Names are looked up this often: within the usual TTLs of service discovery. */
export const resolveEveryMs = 30_000;

type Log = (line: LogLine) => void;

async function resolveNode(node: UpstreamNode, log: Log): Promise<void> {
  if (isIP(node.host) !== 0) {
    node.address = node.host;
    return;
  }
  try {
    const { address } = await lookup(node.host, { verbatim: true });
    if (node.address !== null && node.address !== address) node.pool.closeIdle();
    node.address = address;
  } catch (error) {
    // The last good address stays in use.
    const text = error instanceof Error ? error.message : String(error);
    log({ level: 'warn', message: 'node name not resolved', fields: { node: node.id, error: text } });
  }
}

/** Resolves every node; never rejects. */
export async function resolveNodes(clusters: readonly Cluster[], log: Log): Promise<void> {
  await Promise.all(clusters.flatMap((cluster) => cluster.nodes.map((node) => resolveNode(node, log))));
}
