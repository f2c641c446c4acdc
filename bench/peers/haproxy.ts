// HAProxy with two weighted servers, shared idle connections and the same request headers.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { outputOf } from '../process/children.ts';
import { type Peer, type PeerSetup, sharePercentY } from './peer.ts';

export const haproxy: Peer = {
  name: 'haproxy',
  version: () => /version (\S+)/.exec(outputOf('haproxy', '-v') ?? '')?.[1] ?? null,
  prepare(setup) {
    const file = join(setup.directory, 'haproxy.cfg');
    writeFileSync(file, config(setup));
    return ['haproxy', '-db', '-f', file];
  },
};

function config({ port, portX, portY, connections, workers }: PeerSetup): string {
  return `
global
  nbthread ${workers}
  maxconn ${connections + 1024}
defaults
  mode http
  timeout connect 2s
  timeout client 600s
  timeout server 600s
  timeout http-keep-alive 600s
  option forwardfor
  http-reuse always
frontend clients
  bind 127.0.0.1:${port} backlog 4096
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header X-Forwarded-Port %[dst_port]
  http-request set-header X-Real-IP %[src]
  http-request add-header Via "1.1 haproxy"
  http-request set-header X-Request-Id %[uuid]
  default_backend clusters
backend clusters
  balance roundrobin
  server x 127.0.0.1:${portX} weight ${100 - sharePercentY}
  server y 127.0.0.1:${portY} weight ${sharePercentY}
`;
}
