// The members of the status, held complete by the compiler: a new one does not compile until it is here.
import type { StatusView } from '#src/control-plane/status/status.ts';

const keys: Record<keyof StatusView, true> = {
  phase: true,
  step: true,
  split: true,
  clusters: true,
  verdict: true,
  hold: true,
  heldSeconds: true,
  forecast: true,
  rollout: true,
  signals: true,
  suspects: true,
  workers: true,
  store: true,
  configRevision: true,
  version: true,
  uptimeSeconds: true,
};

export const statusKeys = Object.keys(keys);
