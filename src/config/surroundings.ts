// What a configuration says about files and names that are there when it is used: files of tokens and
// certificates, and what the names of nodes stand for. Asked by `serve` and `check`, and not by those who
// only read a configuration, perhaps on another machine.

import { readFile, stat } from 'node:fs/promises';
import process from 'node:process';
import { fileFault } from '#src/base/file-fault.ts';
import { tokenCharactersMin } from '#src/limits.ts';
import { refusalAsPeer } from './address-guard.ts';
import type { Config, ConfigProblem, LoadResult } from './config.ts';
import type { ControlTls } from './control-config.ts';
import { adminAdvice, adminHost, objectionToNode, tcpListeners } from './node-objection.ts';
import { ownMachine, resolveHosts } from './resolve-hosts.ts';
import { isWorldReadable, parseTokenFile, secretFileObjection } from './token-file.ts';

/** A certificate that ends sooner is told of. */
const expiresSoonMs = 14 * 24 * 3_600_000;

interface Finding {
  readonly path: string;
  readonly message: string;
  readonly hint: string | null;
  readonly isWarning?: boolean;
}

/** The same, or with what is wrong around it. `file` is only named in problems. */
export async function checkSurroundings(loaded: LoadResult, file: string): Promise<LoadResult> {
  if (!loaded.ok) return loaded;
  const { config } = loaded;
  const found = (
    await Promise.all([
      fileFindings(file, loaded.writtenSecrets ?? []),
      tokenFindings(config),
      tlsFindings(config),
      nodeFindings(config),
      adminFindings(config),
    ])
  ).flat();
  const placed = found.map(({ isWarning = false, ...finding }) => ({
    isWarning,
    problem: { file, ...loaded.placeOf(finding.path), ...finding },
  }));
  const problems = placed.filter(({ isWarning }) => !isWarning).map(({ problem }) => problem);
  if (problems.length > 0) return { ok: false, problems: problems.sort(byPlace) };
  const warnings = placed.map(({ problem }) => problem);
  return { ...loaded, warnings: [...loaded.warnings, ...warnings].sort(byPlace) };
}

const byPlace = (a: ConfigProblem, b: ConfigProblem): number => a.line - b.line || a.column - b.column;

/** A configuration that has secrets in it is one. */
async function fileFindings(file: string, [first, ...others]: readonly string[]): Promise<Finding[]> {
  if (first === undefined) return [];
  const ownership = await stat(file).catch(() => null);
  if (ownership === null) return [];
  const objection = secretFileObjection(ownership, process.geteuid?.() ?? 0);
  if (objection === null && !isWorldReadable(ownership)) return [];
  const what = others.length === 0 ? 'there is a secret' : `there are ${others.length + 1} secrets`;
  const message = `${what} in this file: ${objection ?? 'everybody on this machine can read it'}`;
  return [{ path: first, message, hint: 'or fill them in from the environment', isWarning: true }];
}

async function tokenFindings({ control: { tokens } }: Config): Promise<Finding[]> {
  if (tokens === null) return [];
  const path = 'control.tokens';
  try {
    const ownership = await stat(tokens);
    const objection = secretFileObjection(ownership, process.geteuid?.() ?? 0);
    if (objection !== null) return [{ path, message: `${tokens}: ${objection}`, hint: null }];
    const named = parseTokenFile(await readFile(tokens, 'utf8'));
    const short = named.filter(({ length }) => length !== null && length < tokenCharactersMin);
    const names = [...new Set(short.map(({ name }) => name))].join(', ');
    return [
      ...(isWorldReadable(ownership)
        ? [
            {
              path,
              message: `everybody on this machine can read ${tokens}`,
              hint: 'chmod 640, or 600',
              isWarning: true,
            },
          ]
        : []),
      ...(short.length > 0
        ? [
            {
              path,
              message: `tokens of fewer than ${tokenCharactersMin} characters can be guessed: ${names}`,
              hint: 'such as from: openssl rand -base64 32',
              isWarning: true,
            },
          ]
        : []),
    ];
  } catch (error) {
    const what = 'code' in (error as object) ? fileFault(error) : (error as Error).message;
    return [{ path, message: `${tokens}: ${what}`, hint: 'lines of name, role and token or sha256:HASH' }];
  }
}

async function tlsFindings({ listen }: Config): Promise<Finding[]> {
  const found = listen.control.map(async (listener, index) => {
    if (listener.kind !== 'tcp' || listener.tls === null) return [];
    const place = listen.control.length === 1 ? 'listen.control' : `listen.control[${index}]`;
    return tlsFindingsOf(listener.tls, `${place}.tls`);
  });
  return (await Promise.all(found)).flat();
}

async function tlsFindingsOf(
  { cert, key, clientCertificates }: ControlTls,
  path: string,
): Promise<Finding[]> {
  const { expiryOf, tlsProblem } = await import('./tls-material.ts');
  const files = {
    cert,
    key,
    ...(clientCertificates === null ? {} : { 'clientCertificates.ca': clientCertificates.ca }),
  };
  const texts: Record<string, string> = {};
  const faults: Finding[] = [];
  for (const [name, file] of Object.entries(files)) {
    try {
      texts[name] = await readFile(file, 'utf8');
    } catch (error) {
      faults.push({ path: `${path}.${name}`, message: `${file}: ${fileFault(error)}`, hint: null });
    }
  }
  if (faults.length > 0) return faults;
  const material = {
    cert: texts.cert ?? '',
    key: texts.key ?? '',
    ca: texts['clientCertificates.ca'] ?? null,
  };
  const problem = tlsProblem(material, Date.now());
  if (problem !== null) return [{ path: `${path}.cert`, message: problem, hint: null }];
  const objection = secretFileObjection(await stat(key), process.geteuid?.() ?? 0);
  const until = expiryOf(material);
  return [
    ...(objection === null
      ? []
      : [{ path: `${path}.key`, message: `${key}: ${objection}`, hint: null, isWarning: true }]),
    ...(until - Date.now() > expiresSoonMs
      ? []
      : [
          {
            path: `${path}.cert`,
            message: `the certificate is valid until ${new Date(until).toISOString()}`,
            hint: 'replace the file before; it is read again by itself',
            isWarning: true,
          },
        ]),
  ];
}

async function nodeFindings({ clusters, listen, outgoing }: Config): Promise<Finding[]> {
  const { linkLocalNodes } = outgoing;
  const surroundings = { listeners: tcpListeners(listen), own: ownMachine(), linkLocalNodes };
  const resolved = await resolveHosts([...clusters.x.nodes, ...clusters.y.nodes].map(({ host }) => host));
  return (['x', 'y'] as const).flatMap((cluster) =>
    clusters[cluster].nodes.flatMap((node, index) => {
      const objection = objectionToNode(node, resolved.get(node.host) ?? [], surroundings);
      return objection === null ? [] : [{ path: `clusters.${cluster}.nodes[${index}]`, ...objection }];
    }),
  );
}

async function adminFindings({ clusters }: Config): Promise<Finding[]> {
  const hosts = { x: adminHost(clusters.x.admin), y: adminHost(clusters.y.admin) };
  const resolved = await resolveHosts(Object.values(hosts).filter((host) => host !== null));
  return Object.entries(hosts).flatMap(([cluster, host]) => {
    const refusals = (host === null ? [] : (resolved.get(host) ?? [])).map((address) =>
      refusalAsPeer(address, []),
    );
    const message = refusals.find((refusal) => refusal !== null);
    return message === undefined || message === null
      ? []
      : [{ path: `clusters.${cluster}.admin`, message, hint: adminAdvice }];
  });
}
