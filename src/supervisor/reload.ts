// Checks whether a configuration that was read again can take effect in the running process, as a whole.
import { classifyChanges } from '#src/config/changes.ts';
import type { Config, LoadResult } from '#src/config/config.ts';
import type { ConfigProblem, NodeAssignments } from '#src/shared-memory/messages.ts';
import { assignNodes } from './node-assignments.ts';

type CheckedReload =
  | {
      readonly ok: true;
      readonly config: Config;
      readonly nodes: NodeAssignments;
      readonly changed: readonly string[];
      /** Settings that are valid and probably not meant. */
      readonly warnings: readonly ConfigProblem[];
    }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

interface ReloadOptions {
  /** The present configuration. */
  readonly config: Config;
  readonly nodes: NodeAssignments;
  readonly configPath: string;
  /** What was read; undefined when the process was started without a file. */
  readonly loaded: LoadResult | undefined;
}

export function checkReload({ config, nodes, configPath, loaded }: ReloadOptions): CheckedReload {
  const place = { file: configPath, line: 1, column: 1 };
  if (loaded === undefined) {
    const message = 'this process has no config file to reload';
    return { ok: false, problems: [{ ...place, path: '', message, hint: null }] };
  }
  if (!loaded.ok) return loaded;
  const { live, refused } = classifyChanges(config, loaded.config);
  if (refused.length > 0) {
    const hint = 'restart to change it';
    const problems = refused.map(({ path, reason }) => {
      const where = { file: configPath, ...loaded.placeOf(path) };
      return { ...where, path, message: reason, hint };
    });
    return { ok: false, problems };
  }
  try {
    return {
      ok: true,
      config: loaded.config,
      nodes: assignNodes(nodes, loaded.config),
      changed: live,
      warnings: loaded.warnings,
    };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { ok: false, problems: [{ ...place, path: 'clusters', message, hint: null }] };
  }
}
