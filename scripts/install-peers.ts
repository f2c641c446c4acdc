// `npm run bench -- --install`: gets the proxies and the load generator of the benchmark on Debian and
// Ubuntu.
import process from 'node:process';
import { installPackages, isInstalled, programs, whyNotInstallable } from './debian-packages.ts';

const missing = Object.values(programs).filter((program) => !isInstalled(program));
const names = missing.map(({ name }) => name).join(', ');
const problem = missing.length === 0 ? null : (whyNotInstallable() ?? installPackages(missing));
if (problem !== null) {
  console.error(`cannot install ${names}: ${problem}`);
  process.exitCode = 1;
} else if (missing.length > 0) {
  console.error(`installed ${names}`);
}
