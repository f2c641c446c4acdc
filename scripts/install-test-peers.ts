// Runs before `npm test`: installs the servers that tests compare Crossover with, where apt may be used.
// Elsewhere the tests skip those parts, and this says which. When CI is set a missing server is an error.
import process from 'node:process';
import { installPackages, isInstalled, programs, whyNotInstallable } from './debian-packages.ts';

const missing = [programs.nginx, programs.haproxy, programs.prometheus].filter(
  (program) => !isInstalled(program),
);
if (missing.length > 0) {
  const problem = whyNotInstallable() ?? installPackages(missing);
  for (const { name, usedFor } of missing) {
    if (problem === null) console.error(`installed ${name} for ${usedFor}`);
    else console.error(`${name} is missing, tests will skip ${usedFor}: ${problem}`);
  }
  if (problem !== null && isSet(process.env.CI)) process.exitCode = 1;
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== 'false' && value !== '0';
}
