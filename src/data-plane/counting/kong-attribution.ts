// Who made an answer, as Kong's headers tell it (kong/runloop/handler.lua): Kong itself, or the service
// behind it.
import { FIELD_STRIDE } from '#src/core/http1/framing.ts';
import type { ResponseHead } from '#src/core/http1/response-head.ts';
import { latencyBucketIndex } from '#src/core/telemetry/histogram.ts';
import { increment } from '#src/shared-memory/counters.ts';
import { ATTEMPT } from '#src/shared-memory/layout.ts';
import type { AnswerMaker } from '#src/shared-memory/messages.ts';

const proxyLatency = new TextEncoder().encode('x-kong-proxy-latency');
const responseLatency = new TextEncoder().encode('x-kong-response-latency');
/** Digits of a latency in ms that are read: a longer one is no latency. */
const digitsMax = 9;

/** Value of a field that holds a decimal number of ms, or -1. */
function readMs(head: ResponseHead, bytes: Uint8Array, name: Uint8Array): number {
  const field = head.findField(bytes, name);
  if (field === -1) return -1;
  const from = head.fields[field * FIELD_STRIDE + 2] as number;
  const to = head.fields[field * FIELD_STRIDE + 3] as number;
  if (to === from || to - from > digitsMax) return -1;
  let value = 0;
  for (let at = from; at < to; at++) {
    const digit = (bytes[at] as number) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** Who made an answer; null when none of Kong's headers tells. */
export function makerOf(head: ResponseHead): AnswerMaker | null {
  if (!head.hasKongProxyLatency && !head.hasKongResponseLatency) return null;
  return head.hasKongUpstreamLatency ? 'service' : 'kong';
}

/**
 * Counts an answer that carries Kong's headers. `X-Kong-Response-Latency` without an upstream's: Kong
 * answered by itself; `X-Kong-Upstream-Latency`: the service did. A success adds the time that Kong took:
 * before the service was called, or for the whole answer when it made it itself.
 */
export function countKong(
  slab: Float64Array,
  at: number,
  head: ResponseHead,
  bytes: Uint8Array,
  isSuccess: boolean,
): void {
  const isProxied = head.hasKongUpstreamLatency;
  if (!isSuccess) {
    increment(slab, at + (isProxied ? ATTEMPT.serviceFailures : ATTEMPT.kongFailures));
    return;
  }
  const ms = readMs(head, bytes, isProxied ? proxyLatency : responseLatency);
  if (ms >= 0) increment(slab, at + ATTEMPT.kongLatency + latencyBucketIndex(ms));
}
