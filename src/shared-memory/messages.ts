// The few control messages between the supervisor and its threads. Everything that changes per request is in shared memory.
import type { Config, ConfigProblem } from '#src/config/config.ts';
import type { RolloutChange } from '#src/core/rollout/rollout-effect.ts';
import type { NodeAssignment } from '#src/core/routing/node-slots.ts';
import type { RouteSlots } from '#src/core/routing/route-slots.ts';
import type { ClusterName, FailureKind } from './layout.ts';
import type { SharedMemory } from './shared-memory.ts';

export type { ConfigProblem, NodeAssignment };

export type NodeAssignments = Readonly<Record<ClusterName, readonly NodeAssignment[]>>;

/** Kong by itself, or the service behind it. */
export type AnswerMaker = 'kong' | 'service';

/** A request on Y that failed, was slow, or was answered with a status that is not the rule. */
export interface RequestSample {
  /** Unix epoch ms. */
  readonly atMs: number;
  readonly requestId: string;
  readonly node: string | null;
  /** Status that Y answered with; null when it did not get to answer. */
  readonly status: number | null;
  /** Failure kind where there was no status. */
  readonly kind: FailureKind | null;
  /** Who made the answer; null when Kong's headers do not tell. */
  readonly maker: AnswerMaker | null;
  readonly latencyMs: number;
  /** Method and path without the query. */
  readonly request: string;
  /** Its route, as the slots were then: a reload may give them to others. */
  readonly route: string;
}

/** What every thread gets when it starts. */
export interface ThreadStart {
  readonly config: Config;
  readonly configRevision: number;
  readonly nodes: NodeAssignments;
  readonly memory: SharedMemory;
  /** Routes that are counted on their own. */
  readonly routes: RouteSlots;
}

export interface WorkerStart extends ThreadStart {
  readonly workerIndex: number;
  /** 'raw' drives the TCP handles directly; 'stream' uses net.Socket (the fallback). */
  readonly transport: 'raw' | 'stream';
}

export type ToWorker =
  /** Take traffic: the split that was recorded is in place. Everything before was preparation. */
  | {
      readonly type: 'listen';
      readonly port: number;
      /** Listening sockets to accept from, the worker's from now on; without any it binds one of its own to the port. */
      readonly descriptors: readonly number[];
    }
  | {
      readonly type: 'configure';
      readonly config: Config;
      readonly configRevision: number;
      readonly nodes: NodeAssignments;
    }
  | { readonly type: 'nodes'; readonly nodes: NodeAssignments }
  | { readonly type: 'drain'; readonly deadlineMs: number }
  | { readonly type: 'routes'; readonly routes: RouteSlots }
  /** Asks for the requests remembered; answered by `samples`. */
  | { readonly type: 'report-samples'; readonly requestId: number };

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export type FromWorker =
  /** Modules are loaded and names resolved; the worker waits for `listen`. */
  | { readonly type: 'prepared' }
  | { readonly type: 'listening'; readonly port: number; readonly descriptors: readonly number[] }
  | { readonly type: 'failed-to-listen'; readonly code: string; readonly message: string }
  | { readonly type: 'configured'; readonly configRevision: number }
  | { readonly type: 'drained'; readonly cutExchanges: number }
  /** A route without a slot was seen often enough to ask for one. */
  | { readonly type: 'route-seen'; readonly key: number; readonly name: string }
  | { readonly type: 'samples'; readonly requestId: number; readonly samples: readonly RequestSample[] }
  | { readonly type: 'log'; readonly line: LogLine };

/** What a control thread that ended leaves to the next one, in this process or in the one that replaces it. */
export interface HandOver {
  /** Grows with every change of the rollout, over restarts too. */
  readonly revision: number;
  /** The last change, when the store does not have it; null when it has everything. */
  readonly change: RolloutChange | null;
  /** Where the record ended; null when that is not known. */
  readonly recordEnd: { readonly id: number; readonly hash: string } | null;
}

/** What was not on record when the control thread ended. */
export interface Unrecorded {
  readonly transitions: number;
  readonly events: number;
  /** Whether the mark beside the store has the last transition, so that the next start goes by it. */
  readonly isMarked: boolean;
}

export interface ControlStart extends ThreadStart {
  /** Where the config came from, for reports; the supervisor re-reads it. */
  readonly configPath: string;
  /** How often the control thread was started in this process; 0 is the first. */
  readonly generation: number;
  /** Where the control thread before listened; 0 for the first, which takes the configured port. */
  readonly controlPort: number;
  /** A listening socket for the control API, the thread's from now on; null when it binds the configured address. */
  readonly listenDescriptor: number | null;
  /** What the control thread before left, when that ended as it should; null for the first of a process that replaces none. */
  readonly handedOver: HandOver | null;
}

/** Result of a config reload: either everything took effect or nothing did. */
export type ReloadResult =
  | {
      readonly ok: true;
      readonly configRevision: number;
      readonly changed: readonly string[];
      /** What is valid and probably not meant. */
      readonly warnings: readonly ConfigProblem[];
    }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** What happens to threads, to the process and to its configuration. */
export type LifecycleName =
  | 'worker-lost'
  | 'worker-replaced'
  | 'control-replaced'
  | 'reload-refused'
  | 'replacing'
  | 'replace-refused'
  | 'replace-failed';

export type ToControl =
  | {
      readonly type: 'configure';
      readonly config: Config;
      readonly configRevision: number;
      readonly nodes: NodeAssignments;
      readonly changed: readonly string[];
    }
  | { readonly type: 'reload-result'; readonly requestId: number; readonly result: ReloadResult }
  | {
      readonly type: 'nodes-applied';
      readonly requestId: number /** Why the list was not taken over; null when it was. */;
      readonly problem: string | null;
      readonly nodes: NodeAssignments;
    }
  /** Something the supervisor saw. Becomes an event. */
  | {
      readonly type: 'lifecycle';
      readonly name: LifecycleName;
      readonly detail: Readonly<Record<string, unknown>>;
    }
  | { readonly type: 'route-seen'; readonly key: number; readonly name: string }
  /** All workers' answers to `report-samples`, or those that came in time. */
  | { readonly type: 'samples'; readonly requestId: number; readonly samples: readonly RequestSample[] }
  /** Answer /readyz with 503 from now on, keep serving; the proxy is draining. */
  | { readonly type: 'draining' }
  | { readonly type: 'stop' };

export type FromControl =
  /** The saved split is published: workers may start taking traffic. */
  | { readonly type: 'published' }
  /** The control API answers. */
  | { readonly type: 'ready'; readonly controlPort: number }
  /** Nothing is begun: its port is taken (a system error's code), or another process has its store (`STORE_IN_USE`). */
  | { readonly type: 'failed-to-start'; readonly code: string; readonly message: string }
  | { readonly type: 'reload'; readonly requestId: number }
  /** The full wanted node list of a cluster; the supervisor assigns slots, tells the workers, answers nodes-applied. */
  | {
      readonly type: 'set-nodes';
      readonly requestId: number;
      readonly cluster: ClusterName;
      readonly nodes: readonly {
        readonly id: string;
        readonly host: string;
        readonly port: number;
        readonly draining: boolean;
      }[];
    }
  /** Hands out slots; the supervisor passes it to the workers and to later threads. */
  | { readonly type: 'routes'; readonly routes: RouteSlots }
  | { readonly type: 'report-samples'; readonly requestId: number }
  | { readonly type: 'rollout-ended'; readonly phase: 'completed' | 'reverted' }
  | { readonly type: 'log'; readonly line: LogLine }
  | { readonly type: 'stopped'; readonly handOver: HandOver; readonly unrecorded: Unrecorded };
