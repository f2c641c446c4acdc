// Where tests put files that no disk needs to hold: in memory where there is such a place, so that a test of
// anything but the disk does not depend on who else writes to it.
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';

export const quickPlace = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
