// The config as it is kept for the record.
import type { Config } from '#src/config/config.ts';
import { withoutSecrets as replaceSecrets } from '#src/config/without-secrets.ts';

/** A copy whose secrets are replaced; whether each was set stays visible. */
export const withoutSecrets = (config: Config): Config => replaceSecrets(config, '(hidden)');
