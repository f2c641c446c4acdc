// Whether this Crossover should get traffic and can keep its record: what /readyz answers.

interface ReadinessSources {
  readonly published: boolean;
  readonly draining: boolean;
  readonly workersListening: number;
  readonly workerCount: number;
  readonly storeProblem: string | null;
}

/** Every check with its finding in words; ready when all have passed. */
export function readinessChecks(sources: ReadinessSources): ReadinessCheck[] {
  const { published, draining, workersListening, workerCount, storeProblem } = sources;
  return [
    {
      name: 'split',
      passed: published,
      text: published ? 'The split is published.' : 'No split is published yet.',
    },
    {
      name: 'workers',
      passed: workersListening > 0,
      text: `${workersListening} of ${workerCount} workers take connections.`,
    },
    { name: 'store', passed: storeProblem === null, text: storeProblem ?? 'The store takes writes.' },
    {
      name: 'draining',
      passed: !draining,
      text: draining ? 'The proxy is shutting down.' : 'The proxy takes requests.',
    },
  ];
}

export interface ReadinessCheck {
  readonly name: string;
  readonly passed: boolean;
  readonly text: string;
}
