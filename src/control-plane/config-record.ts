// The config as it is kept for the record: without what must not be written down.
import type { Config } from '#src/config/config.ts';

const hidden = '(hidden)';

/** A copy whose secrets are replaced; whether each was set stays visible. */
export function withoutSecrets(config: Config): Config {
  const { override } = config.routing;
  return {
    ...config,
    control: { ...config.control, token: config.control.token === null ? null : hidden },
    routing: { ...config.routing, override: override === null ? null : { ...override, secret: hidden } },
  };
}
