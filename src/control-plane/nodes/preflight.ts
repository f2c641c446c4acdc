// What must hold before the first request is shifted: both clusters answer, and what happens can be recorded.
import type { ClusterName } from '#src/shared-memory/layout.ts';
import { nodeHealth } from '#src/shared-memory/shared-memory.ts';
import { clusterNames, type NodeDirectory } from './node-directory.ts';

export interface PreflightCheck {
  readonly name: string;
  readonly passed: boolean;
  readonly text: string;
}

interface PreflightSources {
  readonly directory: NodeDirectory;
  /** Probes every node once. */
  readonly probeAll: () => Promise<void>;
  readonly storeProblem: () => string | null;
}

/** Runs every check, on fresh probes. */
export async function runPreflight(sources: PreflightSources): Promise<PreflightCheck[]> {
  await sources.probeAll();
  return [...clusterNames.map((cluster) => checkCluster(sources.directory, cluster)), checkStore(sources)];
}

function checkCluster(directory: NodeDirectory, cluster: ClusterName): PreflightCheck {
  const nodes = directory.of(cluster);
  const healthy = nodes.filter(
    (node) => !node.draining && directory.healthOf(cluster, node) === nodeHealth.healthy,
  ).length;
  const text = `${healthy} of ${nodes.length} nodes of ${cluster} answer the health checks.`;
  return { name: `cluster-${cluster}`, passed: healthy > 0, text };
}

function checkStore({ storeProblem }: PreflightSources): PreflightCheck {
  const problem = storeProblem();
  return { name: 'store', passed: problem === null, text: problem ?? 'The store takes writes.' };
}
