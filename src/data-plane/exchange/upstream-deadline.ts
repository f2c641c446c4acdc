// How long an upstream has for what it is its turn to do.
import type { PooledConnection } from '#src/data-plane/upstream/pooled-connection.ts';
import type { WorkerRuntime } from '#src/data-plane/worker-runtime.ts';

/**
 * Sets the upstream's deadline when it is its turn: to take what was sent, to answer once it has the whole
 * request, to go on with an answer. While the client is to send more of its body, the client's deadline runs
 * instead.
 */
export function setUpstreamDeadline(
  { wheel, config }: WorkerRuntime,
  upstream: PooledConnection,
  isRequestDone: boolean,
  isHeadForwarded: boolean,
): void {
  if (!isRequestDone && !upstream.socket.hasPendingWrites) {
    wheel.clear(upstream);
    return;
  }
  const { responseHeadMs, responseBodyMs, requestBodyMs } = config.timeouts;
  if (isHeadForwarded) wheel.set(upstream, responseBodyMs);
  else wheel.set(upstream, isRequestDone ? responseHeadMs : Math.max(requestBodyMs, responseHeadMs));
}
