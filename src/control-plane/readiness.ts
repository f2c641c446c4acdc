// Whether this Crossover should get traffic and can keep its record: what /readyz answers.
import type { ReadinessCheck } from './api/api-context.ts';

export interface ReadinessSources {
  readonly published: boolean;
  readonly draining: boolean;
  readonly workersAlive: number;
  readonly workerCount: number;
  readonly storeProblem: string | null;
}

/** Every check with its finding in words; ready when all have passed. */
export function readinessChecks(sources: ReadinessSources): ReadinessCheck[] {
  const { published, draining, workersAlive, workerCount, storeProblem } = sources;
  return [
    {
      name: 'split',
      passed: published,
      text: published ? 'The split is published.' : 'No split is published yet.',
    },
    {
      name: 'workers',
      passed: workersAlive > 0,
      text: `${workersAlive} of ${workerCount} workers are alive.`,
    },
    { name: 'store', passed: storeProblem === null, text: storeProblem ?? 'The store takes writes.' },
    {
      name: 'draining',
      passed: !draining,
      text: draining ? 'The proxy is shutting down.' : 'The proxy takes requests.',
    },
  ];
}
