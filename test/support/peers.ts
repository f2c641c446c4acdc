// Servers that some tests need besides Node. `npm test` installs them where it may
// (scripts/install-test-peers.ts).
import { isInstalled, programs } from '../../scripts/debian-packages.ts';

export type PeerName = keyof typeof programs;

/** Whether the server is on this machine. */
export function hasPeer(name: PeerName): boolean {
  return isInstalled(programs[name]);
}

/** For a test's `skip` option: false when the server is there, else the reason. */
export function skipWithout(name: PeerName): string | false {
  return hasPeer(name) ? false : `${name} is not installed`;
}
