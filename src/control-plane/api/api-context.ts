// What the routes of the control API may use.

import type { Clock } from '#src/base/clock.ts';
import type { Config } from '#src/config/config.ts';
import type { OwnListener } from '#src/config/own-listener.ts';
import type { Credentials } from '#src/control-plane/access/credentials.ts';
import type { EventLog } from '#src/control-plane/events/event-log.ts';
import type { NodeDirectory } from '#src/control-plane/nodes/node-directory.ts';
import type { RolloutService } from '#src/control-plane/rollout/rollout-service.ts';
import type { ExternalSignals } from '#src/control-plane/signals/external-signals.ts';
import type { ReadinessCheck } from '#src/control-plane/status/readiness.ts';
import type { StatusView } from '#src/control-plane/status/status.ts';
import type { DurableStore } from '#src/control-plane/store/durable-store.ts';
import type { WantedNode } from '#src/control-plane/supervisor/supervisor-link.ts';
import type { Verdict } from '#src/core/analysis/verdict.ts';
import type { SplitSink } from '#src/core/telemetry/sample.ts';
import type { ClusterName } from '#src/shared-memory/layout.ts';
import type { LogLine, NodeAssignments, ReloadResult } from '#src/shared-memory/messages.ts';

export interface ApiContext {
  readonly clock: Clock;
  readonly config: () => Config;
  readonly rollout: RolloutService;
  readonly sink: SplitSink;
  readonly events: EventLog;
  readonly store: DurableStore;
  readonly directory: NodeDirectory;
  /** Whose a token is, and what those of a name may do. */
  readonly credentials: Pick<Credentials, 'principalOf' | 'roleOf'>;
  readonly signals: ExternalSignals;
  readonly supervisor: {
    reload(): Promise<ReloadResult>;
    setNodes(cluster: ClusterName, nodes: readonly WantedNode[]): Promise<NodeAssignments>;
  };
  readonly status: () => StatusView;
  readonly verdict: () => Verdict | null;
  readonly readiness: () => readonly ReadinessCheck[];
  /** Prometheus text, version 0.0.4. */
  readonly metrics: () => Promise<string>;
  /** Everything of this process that listens on a port. */
  readonly ownListeners: () => readonly OwnListener[];
  readonly version: string;
  readonly log: (line: LogLine) => void;
  /** Random id and salt of a new rollout. */
  readonly newRollout: () => { readonly id: string; readonly salt: number };
}
