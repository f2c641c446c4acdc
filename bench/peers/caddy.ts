// Caddy with as many processors for Go's scheduler as the others have workers. Weights came with later
// versions than Debian's, so Y's share is one of ten equal entries picked at random.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { outputOf } from '../process/children.ts';
import { type Peer, type PeerSetup, sharePercentY } from './peer.ts';

export const caddy: Peer = {
  name: 'caddy',
  version: () => outputOf('caddy', 'version')?.split(' ')[0] ?? null,
  prepare(setup) {
    const file = join(setup.directory, 'Caddyfile');
    writeFileSync(file, config(setup));
    return [
      'env',
      `GOMAXPROCS=${setup.workers}`,
      `HOME=${setup.directory}`,
      'caddy',
      'run',
      '--config',
      file,
      '--adapter',
      'caddyfile',
    ];
  },
};

function config({ port, portX, portY }: PeerSetup): string {
  const entriesY = sharePercentY / 10;
  const upstreams = Array.from({ length: 10 }, (_, index) => `127.0.0.1:${index < entriesY ? portY : portX}`);
  return `
{
  admin off
  auto_https off
  log {
    level ERROR
  }
}
http://:${port} {
  bind 127.0.0.1
  reverse_proxy ${upstreams.join(' ')} {
    lb_policy random
    header_up X-Forwarded-Port ${port}
    header_up X-Real-IP {http.request.remote.host}
    header_up Via "1.1 caddy"
    header_up X-Request-Id {http.request.uuid}
    transport http {
      keepalive 600s
      keepalive_idle_conns 1024
      keepalive_idle_conns_per_host 512
      compression off
    }
  }
}
`;
}
