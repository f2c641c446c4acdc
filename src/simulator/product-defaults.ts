// The default thresholds and rollout settings, read from the configuration's defaults, so that simulations
// use what users run.
import { assert } from '#src/base/assert.ts';
import type { Config } from '#src/config/config.ts';
import { parseConfig } from '#src/config/load.ts';

const leastConfig = `
clusters:
  x: { nodes: ["http://127.0.0.1:9001"] }
  y: { nodes: ["http://127.0.0.1:9002"] }
`;

function readDefaults(): Config {
  const loaded = parseConfig(leastConfig, 'defaults', {});
  assert(loaded.ok, 'a configuration of nothing but defaults is valid');
  return loaded.config;
}

export const productDefaults: Config = readDefaults();
