// Installs programs from Debian's or Ubuntu's packages where that is possible, and says why where it is not.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import process from 'node:process';

interface Program {
  readonly name: string;
  /** Command that succeeds when the program is there. */
  readonly probe: readonly [string, ...string[]];
  readonly debianPackage: string;
  /** What is skipped without it, for messages. */
  readonly usedFor: string;
}

export const programs = {
  nginx: {
    name: 'nginx',
    probe: ['nginx', '-v'],
    debianPackage: 'nginx-light',
    usedFor: 'comparisons with nginx',
  },
  haproxy: {
    name: 'haproxy',
    probe: ['haproxy', '-v'],
    debianPackage: 'haproxy',
    usedFor: 'comparisons with HAProxy',
  },
  caddy: {
    name: 'caddy',
    probe: ['caddy', 'version'],
    debianPackage: 'caddy',
    usedFor: 'comparisons with Caddy',
  },
  prometheus: {
    name: 'prometheus',
    probe: ['prometheus', '--version'],
    debianPackage: 'prometheus',
    usedFor: 'business metrics and gates on a real Prometheus',
  },
  wrk: {
    name: 'wrk',
    probe: ['wrk', '-v'],
    debianPackage: 'wrk',
    usedFor: 'load that is cheap enough to saturate a proxy',
  },
} as const satisfies Readonly<Record<string, Program>>;

const environment = {
  ...process.env,
  // Debian puts servers in /usr/sbin, which is not on every user's path.
  PATH: `${process.env.PATH ?? ''}:/usr/sbin:/usr/local/sbin`,
  DEBIAN_FRONTEND: 'noninteractive',
};

/** Whether the program is on this machine. */
export function isInstalled(program: Program): boolean {
  const [command, ...args] = program.probe;
  return spawnSync(command, args, { env: environment, stdio: 'ignore' }).error === undefined;
}

/** Why apt cannot be used here, or null when it can. */
export function whyNotInstallable(): string | null {
  if (process.platform !== 'linux') return `this is ${process.platform}, not Linux`;
  if (spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).error !== undefined)
    return 'there is no apt-get';
  if (process.getuid?.() !== 0) return 'apt-get needs root';
  return null;
}

/** Installs the packages of the programs. Returns null, or what went wrong. */
export function installPackages(wanted: readonly Program[]): string | null {
  const packages = wanted.map((program) => program.debianPackage);
  return withoutStartingServices(
    () => apt('update') ?? apt('install', '--yes', '--no-install-recommends', ...packages),
  );
}

function apt(...args: readonly string[]): string | null {
  const { status, error, stderr } = spawnSync('apt-get', ['--quiet', ...args], {
    env: environment,
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  if (status === 0) return null;
  return `apt-get ${args[0]}: ${error?.message ?? stderr.trim().split('\n').slice(-5).join('\n')}`;
}

/**
 * Installs without starting services. Debian starts the server of a package when it is installed, on port 80
 * as well; a policy-rc.d forbids it meanwhile.
 */
function withoutStartingServices<Result>(install: () => Result): Result {
  const policy = '/usr/sbin/policy-rc.d';
  if (existsSync(policy)) return install();
  writeFileSync(policy, '#!/bin/sh\nexit 101\n');
  chmodSync(policy, 0o755);
  try {
    return install();
  } finally {
    rmSync(policy, { force: true });
  }
}
