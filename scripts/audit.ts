// Asks npm for known vulnerabilities in what production installs. A registry that cannot be asked (mirrors and proxies often
// have no such endpoint) is reported and passes: it says nothing about our packages.
import { spawnSync } from 'node:child_process';
import process from 'node:process';

interface AuditAnswer {
  readonly message?: string;
  readonly vulnerabilities?: Readonly<Record<string, { readonly severity: string; readonly range: string }>>;
}

const { stdout, error } = spawnSync('npm', ['audit', '--omit=dev', '--json'], { encoding: 'utf8' });
if (error !== undefined) throw error;
const { message, vulnerabilities } = JSON.parse(stdout) as AuditAnswer;
if (vulnerabilities === undefined) {
  console.warn(`NOT AUDITED: the registry cannot be asked (${message ?? stdout.trim()})`);
} else {
  const found = Object.entries(vulnerabilities);
  for (const [name, { severity, range }] of found) console.error(`${name} ${range}: ${severity}`);
  console.log(`${found.length} production packages with known vulnerabilities`);
  process.exitCode = found.length === 0 ? 0 : 1;
}
