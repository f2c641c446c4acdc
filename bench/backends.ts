// The two upstreams, X and Y: nginx where it is installed, else a small server on Node. Both answer /1k and
// /100k with so many bytes, any POST with a short text, and everything else with 200, so that health checks
// pass.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { type Child, startChild } from './process/children.ts';

interface Backends {
  readonly child: Child;
  readonly portX: number;
  readonly portY: number;
}

/** Starts both upstreams in one process on the load core. */
export async function startBackends(
  kind: 'nginx' | 'node',
  ports: { x: number; y: number },
  directory: string,
  cores: string | null,
): Promise<Backends> {
  const own = join(directory, 'backends');
  mkdirSync(own, { recursive: true });
  const command = kind === 'nginx' ? nginxCommand(own, ports) : nodeCommand(ports);
  const child = await startChild(command, cores, join(own, 'log'));
  return { child, portX: ports.x, portY: ports.y };
}

function nodeCommand(ports: { x: number; y: number }): string[] {
  const program = fileURLToPath(new URL('./peers/backend-server.ts', import.meta.url));
  return [process.execPath, program, String(ports.x), String(ports.y)];
}

function nginxCommand(directory: string, ports: { x: number; y: number }): string[] {
  writeFileSync(join(directory, '100k'), 'k'.repeat(100 * 1024));
  writeFileSync(join(directory, 'nginx.conf'), nginxConfig(directory, ports));
  return ['nginx', '-p', directory, '-c', join(directory, 'nginx.conf'), '-e', join(directory, 'error.log')];
}

function nginxConfig(directory: string, ports: { x: number; y: number }): string {
  return `
worker_processes 1;
daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
pid ${directory}/nginx.pid;
error_log ${directory}/error.log crit;
events { worker_connections 16384; }
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  open_file_cache max=10;
  open_file_cache_valid 600s;
  server {
    listen 127.0.0.1:${ports.x} backlog=4096;
    listen 127.0.0.1:${ports.y} backlog=4096;
    root ${directory};
    location = /1k { return 200 "${'k'.repeat(1024)}"; }
    location = /100k { }
    location / { return 200 "ok\\n"; }
  }
}
`;
}
