// Checks the import rules of .dependency-cruiser.cjs for src/, that every source file was checked
// (dependency-cruiser reports success for no modules when it cannot parse TypeScript), and that every folder
// and file has its floor in the rules.
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { resolve } from 'node:path';
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

interface Rule {
  readonly name: string;
  readonly from: { readonly path?: string };
}

const cruiser = resolve(import.meta.dirname, '../node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
const configFile = '.dependency-cruiser.cjs';
/** Folders in which everything has a floor, with the name of their rules. */
const orderedFolders = {
  src: 'source',
  'src/core': 'core',
  'src/core/analysis': 'analysis',
  'src/data-plane': 'data-plane',
  'src/control-plane': 'control-plane',
  'src/control-plane/signals': 'signals',
};

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

/** Files of the ordered folders that are on no floor, so that nothing limits what they import. */
async function withoutFloor(root: string, files: readonly string[]): Promise<string[]> {
  const { default: config } = (await import(resolve(root, configFile))) as {
    default: { forbidden: readonly Rule[] };
  };
  return Object.entries(orderedFolders).flatMap(([folder, name]) => {
    const floors = config.forbidden
      .filter((rule) => rule.name === `${name}-floors`)
      .map((rule) => new RegExp(rule.from.path ?? ''));
    return files.filter((file) => file.startsWith(`${folder}/`) && !floors.some((floor) => floor.test(file)));
  });
}

const root = process.argv[2] ?? '.';
const { modules, summary } = cruise(root);
const { violations } = summary;
const files = globSync('src/**/*.ts', { cwd: root });
const seen = new Set(modules.map((module) => module.source));
const unseen = files.filter((file) => !seen.has(file));
const unheld = await withoutFloor(root, files);
for (const { from, to, rule, cycle } of violations) {
  console.error(`${rule.name}: ${from} -> ${cycle?.map((step) => step.name).join(' -> ') ?? to}`);
}
for (const file of unseen) console.error(`not-checked: ${file}`);
for (const file of unheld) console.error(`without-floor: ${file}`);
console.log(
  `${seen.size} modules, ${violations.length} import rule violations, ${unseen.length} files not checked, ${unheld.length} without a floor`,
);
process.exitCode = violations.length + unseen.length + unheld.length === 0 ? 0 : 1;
