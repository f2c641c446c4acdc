// Checks the import rules of .dependency-cruiser.cjs over src/, and that every source file was really looked at: a cruise
// that cannot parse TypeScript reports success over zero modules.
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import process from 'node:process';

interface CruiseResult {
  readonly modules: readonly { readonly source: string }[];
  readonly summary: {
    readonly violations: readonly {
      readonly from: string;
      readonly to: string;
      readonly rule: { readonly name: string };
      readonly cycle?: readonly { readonly name: string }[];
    }[];
  };
}

const root = process.argv[2] ?? '.';
const cruise = spawnSync(
  process.execPath,
  [
    `${import.meta.dirname}/../node_modules/dependency-cruiser/bin/dependency-cruise.mjs`,
    ...['--config', '.dependency-cruiser.cjs', '--output-type', 'json', 'src'],
  ],
  { cwd: root, encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 },
);
if (cruise.stdout === '') {
  console.error(cruise.stderr);
  process.exit(1);
}
const { modules, summary } = JSON.parse(cruise.stdout) as CruiseResult;

const seen = new Set(modules.map((module) => module.source));
const unseen = globSync('src/**/*.ts', { cwd: root }).filter((file) => !seen.has(file));
for (const { from, to, rule, cycle } of summary.violations) {
  const path = cycle === undefined ? to : cycle.map((step) => step.name).join(' -> ');
  console.error(`${rule.name}: ${from} -> ${path}`);
}
for (const file of unseen) console.error(`not-checked: ${file}`);
console.log(
  `${seen.size} modules, ${summary.violations.length} import rule violations, ${unseen.length} files not checked`,
);
process.exitCode = summary.violations.length + unseen.length === 0 ? 0 : 1;
