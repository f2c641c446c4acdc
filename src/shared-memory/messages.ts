// The messages between the supervisor and its threads, which are few and rare. What changes with each request
// is in shared memory.
import type { FailureKind } from '#src/base/error-catalog.ts';
import type { Config, ConfigProblem } from '#src/config/config.ts';
import type { RolloutChange } from '#src/core/rollout/rollout-effect.ts';
import type { NodeAssignment } from '#src/core/routing/node-slots.ts';
import type { RouteSlots } from '#src/core/routing/route-slots.ts';
import type { FailurePhase } from '#src/core/telemetry/failure-cause.ts';
import type { ClusterName } from './layout.ts';
import type { SharedMemory } from './shared-memory.ts';

export type { ConfigProblem, NodeAssignment };

export type NodeAssignments = Readonly<Record<ClusterName, readonly NodeAssignment[]>>;

/** Who made an answer: Kong by itself, or the service behind it. */
export type AnswerMaker = 'kong' | 'service';

/** As in `failureCauses`. */
export interface SampleCause {
  readonly phase: FailurePhase;
  readonly code: string;
}

/** A request on Y that failed, was slow, or was answered with 3xx or 4xx. */
export interface RequestSample {
  /** Unix epoch ms. */
  readonly atMs: number;
  readonly requestId: string;
  readonly node: string | null;
  /** Status of Y's answer; null when there was none. */
  readonly status: number | null;
  /** Failure kind where there was no status, or where the answer was cut short. */
  readonly kind: FailureKind | null;
  /** How far it had come and what happened then, where it failed at the gateway. */
  readonly cause: SampleCause | null;
  /** Who made the answer; null when Kong's headers do not tell. */
  readonly maker: AnswerMaker | null;
  readonly latencyMs: number;
  /** Method and path without the query. */
  readonly request: string;
  /** Name that its route had then: a reload may give the slot to another route. */
  readonly route: string;
}

/** What every worker and control thread gets when it starts. */
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
  /** 'raw' uses Node's TCP handles directly; 'stream' uses net.Socket, as a fallback. */
  readonly transport: 'raw' | 'stream';
}

export type ToWorker =
  /** Listen and take traffic: the recorded split is published by now. */
  | {
      readonly type: 'listen';
      readonly port: number;
      /**
       * Listening sockets that belong to the worker from now on; when there are none, it binds one to the
       * port.
       */
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
  /** Asks for the requests that the worker remembers; it answers with `samples`. */
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
  /** A route without a slot was seen often enough to get one. */
  | { readonly type: 'route-seen'; readonly key: number; readonly name: string }
  /** Most requests of a suspected group of clients come from this address. */
  | { readonly type: 'suspect-seen'; readonly group: number; readonly client: string }
  | { readonly type: 'samples'; readonly requestId: number; readonly samples: readonly RequestSample[] }
  | { readonly type: 'log'; readonly line: LogLine };

/**
 * What a control thread that ended leaves to the next one, in this process or in the one that replaces it.
 */
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

/** A listening socket for the control API that the process was started with. */
export interface InheritedControl {
  readonly descriptor: number;
  readonly kind: 'tcp' | 'unix';
  /** Of a Unix socket, where the system tells. */
  readonly path: string | null;
}

export interface ControlStart extends ThreadStart {
  /** Path of the configuration file, to be shown; only the supervisor reads it. */
  readonly configPath: string;
  /** How many control threads this process had before. */
  readonly generation: number;
  /**
   * Ports on which the TCP listeners of the control thread before were, in their order; none for the first,
   * which takes the configured ports.
   */
  readonly controlPorts: readonly number[];
  /**
   * Listening sockets for the control API that belong to the thread from now on; where there is none of a
   * kind, it binds the configured ones.
   */
  readonly listenDescriptors: readonly InheritedControl[];
  /** Where the proxy listens; 0 where the system will choose the port. */
  readonly proxyPort: number;
  /** Folder of this user for what lasts as long as the process; null where there is none. */
  readonly runtimeFolder: string | null;
  /**
   * What the control thread before left, when that ended as it should; null for the first of a process that
   * replaces none.
   */
  readonly handedOver: HandOver | null;
}

/** Result of a reload: everything took effect, or nothing did. */
export type ReloadResult =
  | {
      readonly ok: true;
      readonly configRevision: number;
      readonly changed: readonly string[];
      /** Settings that are valid and probably not meant. */
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
      readonly requestId: number;
      /** Why the list was not taken over; null when it was. */
      readonly problem: string | null;
      readonly nodes: NodeAssignments;
    }
  /** Something that happened to a thread or the process. The control thread makes an event of it. */
  | {
      readonly type: 'lifecycle';
      readonly name: LifecycleName;
      readonly detail: Readonly<Record<string, unknown>>;
    }
  | { readonly type: 'route-seen'; readonly key: number; readonly name: string }
  /** Most requests of a suspected group of clients come from this address. */
  | { readonly type: 'suspect-seen'; readonly group: number; readonly client: string }
  /** The workers' answers to `report-samples` that came in time. */
  | { readonly type: 'samples'; readonly requestId: number; readonly samples: readonly RequestSample[] }
  /** The proxy drains: answer /readyz with 503 from now on, and go on with everything else. */
  | { readonly type: 'draining' }
  | { readonly type: 'stop' };

export type FromControl =
  /** The saved split is published: workers may start taking traffic. */
  | { readonly type: 'published' }
  /** The control API answers. */
  | {
      readonly type: 'ready';
      /** Of its TCP listeners. */
      readonly controlPorts: readonly number[];
      /** Of all its listeners, as people write them. */
      readonly controlAddresses: readonly string[];
    }
  /**
   * It could not start: its port is taken (the system error's code), or another process has its store
   * (`STORE_IN_USE`).
   */
  | { readonly type: 'failed-to-start'; readonly code: string; readonly message: string }
  | { readonly type: 'reload'; readonly requestId: number }
  /**
   * All nodes that a cluster is to have. The supervisor assigns slots, tells the workers, and answers with
   * `nodes-applied`.
   */
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
  /**
   * Which route has which slot. The supervisor passes it on to the workers and to threads that start later.
   */
  | { readonly type: 'routes'; readonly routes: RouteSlots }
  | { readonly type: 'report-samples'; readonly requestId: number }
  | { readonly type: 'rollout-ended'; readonly phase: 'completed' | 'reverted' }
  | { readonly type: 'log'; readonly line: LogLine }
  | { readonly type: 'stopped'; readonly handOver: HandOver; readonly unrecorded: Unrecorded };
