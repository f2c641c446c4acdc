// Starts nginx or HAProxy as a plain reverse proxy with keep-alive to one upstream, to see what the checks
// make of a proxy that is known. They are optional: where they are not installed, the caller skips.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './until.ts';

export type YardstickName = 'nginx' | 'haproxy';

export interface RunningProxy {
  readonly port: number;
  readonly pid: number;
  /** What went wrong inside it since the last call, if anything did. */
  problem(): string | null;
  stop(): Promise<void>;
}

export interface YardstickOptions {
  readonly upstreamPort: number;
  /** Bound on reading a head, idling and waiting for the upstream. */
  readonly timeoutMs: number;
  readonly bodyBytesMax: number | null;
}

const binaries: Readonly<Record<YardstickName, readonly string[]>> = {
  nginx: ['/usr/sbin/nginx', 'nginx'],
  haproxy: ['/usr/sbin/haproxy', 'haproxy'],
};

/** Path of the installed program, or null. */
export function findYardstick(name: YardstickName): string | null {
  return binaries[name].find((binary) => spawnSync(binary, ['-v']).status === 0) ?? null;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return address !== null && typeof address === 'object' ? address.port : 0;
}

const nginxConfig = (port: number, directory: string, options: YardstickOptions): string => `
daemon off; master_process off; pid ${directory}/pid; error_log ${directory}/error.log warn;
events { worker_connections 1024; }
http {
  access_log off; client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/f; uwsgi_temp_path ${directory}/u; scgi_temp_path ${directory}/s;
  client_header_timeout ${options.timeoutMs}ms; client_body_timeout ${options.timeoutMs}ms;
  keepalive_timeout ${options.timeoutMs}ms; large_client_header_buffers 4 16k;
  client_max_body_size ${options.bodyBytesMax ?? 0}; keepalive_requests 1000000;
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  upstream x { server 127.0.0.1:${options.upstreamPort} max_fails=0; keepalive 16; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://x; proxy_http_version 1.1; proxy_request_buffering off; proxy_buffering off;
      proxy_set_header Host $http_host; proxy_set_header Connection $connection_upgrade;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header X-Forwarded-For $remote_addr;
      proxy_connect_timeout ${options.timeoutMs}ms; proxy_read_timeout ${options.timeoutMs}ms;
      proxy_send_timeout ${options.timeoutMs}ms;
    }
  }
}
`;

const haproxyConfig = (port: number, options: YardstickOptions): string => `
global
  maxconn 2000
defaults
  mode http
  timeout connect ${options.timeoutMs}ms
  timeout client ${options.timeoutMs}ms
  timeout server ${options.timeoutMs}ms
  timeout http-request ${options.timeoutMs}ms
  timeout http-keep-alive ${options.timeoutMs}ms
  option http-keep-alive
  http-reuse always
  retry-on conn-failure empty-response
frontend front
  bind 127.0.0.1:${port}
  option forwardfor
  default_backend back
backend back
  server x 127.0.0.1:${options.upstreamPort}
`;

async function listens(port: number, child: ChildProcess): Promise<void> {
  const isOpen = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
  await until(async () => child.exitCode !== null || (await isOpen()), 'the proxy to listen');
  if (child.exitCode !== null) throw new Error(`the proxy does not listen on ${port}`);
}

export async function startYardstick(name: YardstickName, options: YardstickOptions): Promise<RunningProxy> {
  const binary = findYardstick(name);
  if (binary === null) throw new Error(`${name} is not installed`);
  const directory = mkdtempSync(join(tmpdir(), `yardstick-${name}-`));
  const port = await freePort();
  const file = join(directory, 'config');
  writeFileSync(
    file,
    name === 'nginx' ? nginxConfig(port, directory, options) : haproxyConfig(port, options),
  );
  const parameters = name === 'nginx' ? ['-e', 'stderr', '-c', file] : ['-db', '-f', file];
  const child = spawn(binary, parameters, { stdio: ['ignore', 'ignore', 'pipe'] });
  let complaints = '';
  child.stderr.on('data', (text: Buffer) => {
    complaints += text.toString();
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await listens(port, child).catch((error: Error) => {
    throw new Error(`${error.message}: ${complaints}`);
  });
  return {
    port,
    pid: child.pid ?? 0,
    problem: () =>
      child.exitCode === null ? null : `exited with ${child.exitCode}: ${complaints.slice(-500)}`,
    stop: async () => {
      child.kill('SIGKILL');
      await exited;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
