// The nodes of a cluster, changed while traffic flows: replace the list, or drain one.
import type { FastifyInstance } from 'fastify';
import type { NodeConfig } from '#src/config/config.ts';
import { parseNodeUrl } from '#src/config/net-address.ts';
import { type NodeSurroundings, objectionToNode } from '#src/config/node-objection.ts';
import { ownMachine, resolveHosts } from '#src/config/resolve-hosts.ts';
import { NodesRefused, type WantedNode } from '#src/control-plane/supervisor/supervisor-link.ts';
import type { ClusterName } from '#src/shared-memory/layout.ts';
import { actorOf } from './access.ts';
import type { ApiContext } from './api-context.ts';
import type { ProblemMember } from './invalid-request.ts';
import { ApiProblem } from './problem.ts';
import { ClusterParams, NoBody, NodeParams, NodesChange } from './schemas.ts';

export function addNodeRoutes(app: FastifyInstance, context: ApiContext): void {
  app.get<{ Params: ClusterParams }>(
    '/v1/clusters/:cluster/nodes',
    { schema: { summary: "A cluster's nodes.", params: ClusterParams } },
    async (request) => nodesOf(context, request.params.cluster),
  );

  app.put<{ Params: ClusterParams; Body: NodesChange }>(
    '/v1/clusters/:cluster/nodes',
    {
      schema: {
        summary: 'Replaces the list, until the next reload or restart; nodes left out finish what they have.',
        params: ClusterParams,
        body: NodesChange,
      },
    },
    async (request) => {
      const { cluster } = request.params;
      const nodes = await parseNodes(request.body.nodes, context);
      const wanted = nodes.map((node): WantedNode => ({ ...node, draining: false }));
      const text = `The nodes of ${cluster} are now ${nodes.map(({ id }) => id).join(', ')}.`;
      return changeNodes(context, cluster, wanted, {
        name: 'nodes-replaced',
        actor: actorOf(request),
        text,
        detail: { cluster, nodes: nodes.map(({ id }) => id), reason: request.body.reason ?? '' },
      });
    },
  );

  app.post<{ Params: NodeParams }>(
    '/v1/clusters/:cluster/nodes/:id/drain',
    {
      schema: {
        summary:
          'Sends the node no new requests; those under way finish. The last node in use cannot be drained.',
        params: NodeParams,
        body: NoBody,
      },
    },
    async (request) => {
      const { cluster, id } = request.params;
      return changeNodes(context, cluster, withDrained(context, cluster, id), {
        name: 'node-draining',
        actor: actorOf(request),
        text: `Node ${id} of ${cluster} is being drained.`,
        detail: { cluster, node: id },
      });
    },
  );
}

interface ChangeEvent {
  readonly name: string;
  readonly actor: string;
  readonly text: string;
  readonly detail: unknown;
}

async function changeNodes(
  context: ApiContext,
  cluster: ClusterName,
  wanted: readonly WantedNode[],
  event: ChangeEvent,
) {
  try {
    context.directory.replace(await context.supervisor.setNodes(cluster, wanted));
  } catch (error) {
    if (!(error instanceof NodesRefused)) throw error;
    throw new ApiProblem('wrongState', `${error.message}.`, { current: nodesOf(context, cluster) });
  }
  context.events.add(event);
  return nodesOf(context, cluster);
}

const nodesOf = (context: ApiContext, cluster: ClusterName) => ({ nodes: context.directory.views(cluster) });

function withDrained(context: ApiContext, cluster: ClusterName, id: string): WantedNode[] {
  const nodes = context.directory.of(cluster);
  if (!nodes.some((node) => node.id === id)) throw new ApiProblem('notFound');
  if (nodes.every((node) => node.id === id || node.draining)) {
    const detail = `${id} is the last node of ${cluster} that takes requests.`;
    throw new ApiProblem('wrongState', detail, { current: nodesOf(context, cluster) });
  }
  return nodes.map(({ id: nodeId, host, port, draining }) => ({
    id: nodeId,
    host,
    port,
    draining: draining || nodeId === id,
  }));
}

/** What a node's address may not be depends on what its host stands for now. */
async function parseNodes(urls: readonly string[], context: ApiContext): Promise<NodeConfig[]> {
  const parsed = urls.map((url) => parseNodeUrl(url));
  const hosts = parsed.flatMap((one) => (one.ok ? [one.value.host] : []));
  const resolved = await resolveHosts(hosts);
  const { linkLocalNodes } = context.config().outgoing;
  const surroundings = { listeners: context.ownListeners(), own: ownMachine(), linkLocalNodes };
  const errors: ProblemMember[] = [];
  const nodes: NodeConfig[] = [];
  for (const [index, one] of parsed.entries()) {
    const detail = one.ok ? objectionTo(one.value, nodes, resolved, surroundings) : one.message;
    if (detail !== null) errors.push({ pointer: `#/nodes/${index}`, detail });
    else if (one.ok) nodes.push(one.value);
  }
  if (errors.length > 0)
    throw new ApiProblem('invalidRequest', 'The list of nodes is not valid.', { errors });
  return nodes;
}

/** A node given twice would get a double share; one that is ourselves would make requests go in circles. */
function objectionTo(
  node: NodeConfig,
  others: readonly NodeConfig[],
  resolved: ReadonlyMap<string, readonly string[]>,
  surroundings: NodeSurroundings,
): string | null {
  if (others.some(({ id }) => id === node.id)) return `${node.id} is given twice`;
  return objectionToNode(node, resolved.get(node.host) ?? [], surroundings)?.message ?? null;
}
