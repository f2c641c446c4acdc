// nginx as somebody who tunes it for this job would write it: split_clients over two keep-alive upstreams, no
// access log, no temporary files, keep-alive connections that are never retired in the middle of a round.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { outputOf } from '../process/children.ts';
import { type Peer, type PeerSetup, sharePercentY } from './peer.ts';

export const nginx: Peer = {
  name: 'nginx',
  version: () => outputOf('nginx', '-v')?.replace('nginx version: nginx/', '') ?? null,
  prepare(setup) {
    const file = join(setup.directory, 'nginx.conf');
    writeFileSync(file, config(setup));
    return ['nginx', '-p', setup.directory, '-c', file, '-e', join(setup.directory, 'error.log')];
  },
};

// $request_id is 16 random bytes per request, so the split is per request like Crossover's.
function config({ directory, port, portX, portY, connections, workers }: PeerSetup): string {
  return `
worker_processes ${workers};
daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
pid ${directory}/nginx.pid;
error_log ${directory}/error.log crit;
worker_rlimit_nofile 20000;
events { worker_connections ${connections * 2 + 1024}; }
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  split_clients $request_id $cluster { ${sharePercentY}% y; * x; }
  upstream x { server 127.0.0.1:${portX}; keepalive 256; keepalive_requests 1000000000; keepalive_timeout 600s; }
  upstream y { server 127.0.0.1:${portY}; keepalive 256; keepalive_requests 1000000000; keepalive_timeout 600s; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://$cluster;
      proxy_http_version 1.1;
      proxy_buffers 16 32k;
      proxy_buffer_size 32k;
      proxy_busy_buffers_size 64k;
      proxy_max_temp_file_size 0;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Port $server_port;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header Via "1.1 nginx";
      proxy_set_header X-Request-Id $request_id;
    }
  }
}
`;
}
