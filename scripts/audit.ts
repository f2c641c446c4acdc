// Asks npm for known vulnerabilities of the packages that production installs. When the registry cannot be
// asked, which mirrors and proxies often do not support, that is reported and the check passes.
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
