// Imports go one way. Each list below is an order of floors: what stands on one may import what stands below it, and nothing
// else of the list. Type imports count, so that a cycle is a cycle however it came to be.

/** A rule for each floor: it imports only floors below it, and itself. `floors`: patterns of paths, lowest first. */
const floors = (name, list) =>
  list.map((floor, index) => ({
    name: `${name}-floors`,
    comment: 'a floor imports only what stands below it',
    severity: 'error',
    from: { path: floor },
    to: { path: list, pathNot: [floor, ...list.slice(0, index)] },
  }));

/** Folders and files directly in `parent`; a name with a dot is a file. */
const inside = (parent, names) =>
  names.map((name) =>
    name.includes('.') ? `^${parent}/${name.replace('.', '\\.')}$` : `^${parent}/${name}/`,
  );

const siblings = (name, one, other) =>
  [
    [one, other],
    [other, one],
  ].map(([from, to]) => ({
    name: `${name}-apart`,
    comment: 'they share what stands below them, and never see each other',
    severity: 'error',
    from: { path: from },
    to: { path: to },
  }));

module.exports = {
  forbidden: [
    { name: 'no-cycles', comment: 'types included', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'core-is-pure',
      comment: 'core has no clock, no randomness, no I/O: time and chance come in as parameters',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev'] },
    },
    ...floors('source', [
      '^src/base/',
      '^src/limits\\.ts$',
      '^src/core/',
      '^src/config/',
      '^src/shared-memory/',
      '^src/record/',
      '^src/data-plane/',
      '^src/control-plane/',
      '^src/supervisor/',
      '^src/terminal/',
      '^src/simulator/',
      '^src/demo/',
      '^src/cli/',
    ]),
    ...siblings('planes', '^src/data-plane/', '^src/control-plane/'),
    ...siblings('record-and-data-plane', '^src/data-plane/', '^src/record/'),
    {
      name: 'supervisor-starts-planes',
      comment: 'the supervisor starts both planes as threads and imports neither',
      severity: 'error',
      from: { path: '^src/supervisor/' },
      to: { path: '^src/(control-plane|data-plane|record)/' },
    },
    {
      name: 'data-plane-seen-by-nobody',
      comment: 'what drives or shows the decisions does not reach into the data path',
      severity: 'error',
      from: { path: '^src/(terminal|simulator|demo|cli)/' },
      to: { path: '^src/data-plane/' },
    },
    {
      name: 'simulator-decides-only',
      comment: 'the simulator drives core and control plane; it starts nothing and shows nothing',
      severity: 'error',
      from: { path: '^src/simulator/' },
      to: { path: '^src/(supervisor|terminal)/' },
    },
    ...floors('core', inside('src/core', ['http1', 'telemetry', 'routing', 'analysis', 'rollout'])),
    ...floors(
      'analysis',
      inside('src/core/analysis', [
        'verdict.ts',
        'weakest-proof.ts',
        'stopped-traffic.ts',
        'verdict-text.ts',
        'value-rule.ts',
        'e-process',
        'clustering',
        'streams',
        'analysis-thresholds.ts',
        'analysis-streams.ts',
        'analysis.ts',
      ]),
    ),
    ...floors(
      'data-plane',
      inside('src/data-plane', [
        'base',
        'transport',
        'counting',
        'upstream',
        'worker-runtime.ts',
        'exchange',
        'exchange.ts',
        'exchange-pool.ts',
        'client',
        'worker.ts',
      ]),
    ),
    ...floors(
      'control-plane',
      inside('src/control-plane', [
        'outgoing',
        'events',
        'supervisor',
        'store',
        'traffic',
        'nodes',
        'routes',
        'rollout',
        'evidence',
        'signals',
        'exposition',
        'status',
        'listening',
        'access',
        'api',
        'control-loop.ts',
        'assemble-decision.ts',
        'config-record.ts',
        'control-parts.ts',
        'control-start.ts',
        'config-change.ts',
        'api-wiring.ts',
        'control-thread.ts',
      ]),
    ),
    ...floors(
      'signals',
      inside('src/control-plane/signals', [
        'freeze.ts',
        'notify',
        'business-metrics',
        'gates',
        'external-signals.ts',
      ]),
    ),
    {
      name: 'data-plane-has-no-libraries',
      comment: 'the data path is our own code',
      severity: 'error',
      from: { path: '^src/data-plane/' },
      to: { dependencyTypes: ['npm', 'npm-dev'] },
    },
    {
      name: 'no-dev-dependencies',
      comment: 'the image is installed without them; types cost nothing there',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'] },
    },
    { name: 'nothing-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // TypeScript 7 has no JavaScript API, and dependency-cruiser's own TypeScript support ends before it; without a parser
    // it knows it skips every .ts file and reports success over nothing. So swc parses (it sees type-only imports too), and
    // scripts/check-imports.ts fails when a file was not seen.
    parser: 'swc',
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.js'],
    },
  },
};
