// Checks package-lock.json: every package comes from npm's registry with a checksum. A lock file written
// behind a mirror names the mirror's host and fails for everybody else.
import { readFileSync } from 'node:fs';
import process from 'node:process';

interface LockEntry {
  readonly resolved?: string;
  readonly integrity?: string;
  readonly inBundle?: boolean;
}

const file = process.argv[2] ?? 'package-lock.json';
const lock = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly packages: Readonly<Record<string, LockEntry>>;
};
const registry = 'https://registry.npmjs.org/';
const problems: string[] = [];
for (const [path, { resolved, integrity, inBundle }] of Object.entries(lock.packages)) {
  if (path === '') continue;
  if (resolved !== undefined && !resolved.startsWith(registry))
    problems.push(`${path}: comes from ${resolved}`);
  if (integrity === undefined && inBundle !== true) problems.push(`${path}: has no checksum`);
}
for (const problem of problems) console.error(problem);
console.log(`${Object.keys(lock.packages).length - 1} packages locked, ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
