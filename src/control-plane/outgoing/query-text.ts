// Fills {{cluster}} and {{label}} into queries and URLs, each escaped for where it goes.
import type { ClusterName } from '#src/shared-memory/layout.ts';

export interface QueriedCluster {
  readonly name: ClusterName;
  readonly label: string;
}

function fill(template: string, cluster: QueriedCluster, escaped: (text: string) => string): string {
  return template.replaceAll(/\{\{(cluster|label)\}\}/g, (_match, key: string) =>
    escaped(key === 'cluster' ? cluster.name : cluster.label),
  );
}

/**
 * For PromQL, where they stand in quotes.
 * https://prometheus.io/docs/prometheus/latest/querying/basics/#string-literals
 */
export const fillQuery = (template: string, cluster: QueriedCluster): string =>
  fill(template, cluster, (text) => text.replaceAll(/["'\\]/g, (character) => `\\${character}`));

/** For a URL, where they stand in the path or the query. */
export const fillUrl = (template: string, cluster: QueriedCluster): string =>
  fill(template, cluster, encodeURIComponent);

/** URL of an instant query. */
export function queryUrl(prometheus: string, query: string): string {
  const url = new URL(`${prometheus.replace(/\/$/, '')}/api/v1/query`);
  url.searchParams.set('query', query);
  return url.href;
}
