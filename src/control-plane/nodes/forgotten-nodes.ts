// Nodes that were set by the API last as long as the process. After a restart a rollout goes on with other
// nodes than before, and somebody has to be told.
import type { RecordedEvent } from '#src/record/recorded-event.ts';

/** Nodes of one cluster that were set by the API and are not in use any more. */
interface ForgottenNodes {
  readonly text: string;
  readonly detail: { readonly cluster: string; readonly nodes: readonly string[] };
}

/** Events after which a cluster has the nodes of the configuration. */
const takenFromConfig: ReadonlySet<string> = new Set(['started', 'config-reloaded']);

/**
 * What to tell at a start, for each cluster whose nodes were set. `events` are those before the start, the
 * newest last.
 */
export function forgottenNodes(before: readonly RecordedEvent[]): ForgottenNodes[] {
  const since = before.findLastIndex(({ name }) => takenFromConfig.has(name)) + 1;
  const set = new Map<string, RecordedEvent>();
  for (const event of before.slice(since))
    if (event.name === 'nodes-replaced') set.set((event.detail as { cluster: string }).cluster, event);
  return [...set].map(([cluster, { actor, detail }]) => {
    const { nodes } = detail as { nodes: readonly string[] };
    return {
      text: `The nodes of ${cluster} are the configuration's again. Before the restart they were ${nodes.join(', ')}, set by ${actor}: set them again, or write them into the configuration.`,
      detail: { cluster, nodes },
    };
  });
}
