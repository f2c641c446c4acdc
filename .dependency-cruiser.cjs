// Imports go one way: base <- core <- shared-memory <- {data-plane, control-plane} <- {main, supervisor, cli, demo, simulator}.
const only = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { path: '^src/', pathNot: [from, ...allowed] },
});
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'looked for without types by scripts/check-imports.ts: types may refer to each other',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'core-is-pure',
      comment: 'core has no clock, no randomness, no I/O: time and chance come in as parameters',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev'] },
    },
    only('base-is-a-leaf', '^src/base/', [], 'base imports nothing of ours'),
    only('limits-is-a-leaf', '^src/limits\\.ts$', ['^src/base/'], 'limits import base only'),
    only('core-imports', '^src/core/', ['^src/base/', '^src/limits\\.ts$'], 'core sees base and limits'),
    only(
      'config-imports',
      '^src/config/',
      ['^src/base/', '^src/core/', '^src/limits\\.ts$'],
      'config sees core and below',
    ),
    only(
      'shared-memory-imports',
      '^src/shared-memory/',
      ['^src/base/', '^src/core/', '^src/config/', '^src/limits\\.ts$'],
      'shared memory sees core and below',
    ),
    only(
      'data-plane-imports',
      '^src/data-plane/',
      ['^src/base/', '^src/core/', '^src/config/', '^src/shared-memory/', '^src/limits\\.ts$'],
      'the data plane never sees the control plane',
    ),
    only(
      'control-plane-imports',
      '^src/control-plane/',
      ['^src/base/', '^src/core/', '^src/config/', '^src/shared-memory/', '^src/limits\\.ts$'],
      'the control plane never sees the data plane',
    ),
    only(
      'supervisor-imports',
      '^src/supervisor/',
      ['^src/base/', '^src/core/', '^src/config/', '^src/shared-memory/', '^src/limits\\.ts$'],
      'the supervisor starts both planes and imports neither',
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
    {
      name: 'nothing-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // TypeScript 7 has no JavaScript API, and dependency-cruiser's own TypeScript support ends before it; without a parser
    // it knows it skips every .ts file and reports success over nothing. So swc parses (it sees type-only imports too,
    // but does not mark them as such), and scripts/check-imports.ts fails when a file was not seen.
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
