// Checks the import rules of .dependency-cruiser.cjs over src/, and that every source file was really looked at: a cruise
// that cannot parse TypeScript reports success over zero modules.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';

interface Violation {
  readonly from: string;
  readonly to: string;
  readonly rule: { readonly name: string };
  readonly cycle?: readonly { readonly name: string }[];
}

interface CruiseResult {
  readonly modules: readonly { readonly source: string }[];
  readonly summary: { readonly violations: readonly Violation[] };
}

const cruiser = resolve(import.meta.dirname, '../node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
const configFile = '.dependency-cruiser.cjs';

function cruise(root: string): CruiseResult {
  const args = [cruiser, '--config', configFile, '--output-type', 'json', 'src'];
  const { stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as CruiseResult;
}

/**
 * Cycles that exist when the program runs. Types may refer to each other; the parser in use cannot tell such imports from
 * real ones, so cycles are looked for in a copy without types.
 */
function runtimeCycles(root: string): readonly Violation[] {
  const copy = mkdtempSync(join(tmpdir(), 'crossover-stripped-'));
  try {
    for (const name of [configFile, 'package.json', 'tsconfig.json'])
      cpSync(join(root, name), join(copy, name));
    symlinkSync(resolve(root, 'node_modules'), join(copy, 'node_modules'));
    for (const file of globSync('src/**/*.ts', { cwd: root })) {
      mkdirSync(dirname(join(copy, file)), { recursive: true });
      writeFileSync(join(copy, file), stripTypeScriptTypes(readFileSync(join(root, file), 'utf8')));
    }
    return cruise(copy).summary.violations.filter(isCycle);
  } finally {
    rmSync(copy, { recursive: true });
  }
}

function isCycle({ rule }: Violation): boolean {
  return rule.name === 'no-cycles';
}

process.removeAllListeners('warning'); // stripTypeScriptTypes says that it is experimental, each time
const root = process.argv[2] ?? '.';
const { modules, summary } = cruise(root);
const violations = [...summary.violations.filter((one) => !isCycle(one)), ...runtimeCycles(root)];
const seen = new Set(modules.map((module) => module.source));
const unseen = globSync('src/**/*.ts', { cwd: root }).filter((file) => !seen.has(file));
for (const { from, to, rule, cycle } of violations) {
  console.error(`${rule.name}: ${from} -> ${cycle?.map((step) => step.name).join(' -> ') ?? to}`);
}
for (const file of unseen) console.error(`not-checked: ${file}`);
console.log(
  `${seen.size} modules, ${violations.length} import rule violations, ${unseen.length} files not checked`,
);
process.exitCode = violations.length + unseen.length === 0 ? 0 : 1;
