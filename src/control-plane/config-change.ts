// A reloaded config takes effect in the control thread.
import type { Config } from '#src/config/config.ts';
import type { ToControl } from '#src/shared-memory/messages.ts';
import type { ControlParts } from './control-parts.ts';
import { keepConfig } from './control-start.ts';
import { learnRoutes, routesDiffer } from './routes/route-learning.ts';

type Configure = Extract<ToControl, { type: 'configure' }>;

export async function takeConfig(
  parts: ControlParts,
  { config, configRevision, nodes, changed }: Configure,
): Promise<void> {
  const before = parts.config;
  const { assessor, events } = parts;
  parts.config = config;
  parts.configRevision = configRevision;
  if (routesDiffer(before, config))
    void learnRoutes({ config: () => parts.config, routes: parts.routes, events });
  if (differ(before, config, 'metrics')) assessor.setMetrics(config.metrics);
  parts.directory.replace(nodes);
  const keepsEvidence = !differ(before, config, 'thresholds') || assessor.setThresholds(config.thresholds);
  const configVersion = await keepConfig(parts);
  events.add({
    name: 'config-reloaded',
    text: `The config was reloaded; changed: ${changed.join(', ') || 'nothing'}.`,
    detail: { configRevision, configVersion, changed },
  });
  if (keepsEvidence) return;
  const text = 'The thresholds have changed: evidence is gathered anew.';
  events.add({ name: 'analysis-restarted', text });
}

const differ = (one: Config, other: Config, section: 'metrics' | 'thresholds'): boolean =>
  JSON.stringify(one[section]) !== JSON.stringify(other[section]);
