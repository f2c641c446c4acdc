// Asks one gate once: its webhook, with retries, or its query. Every result is an answer: go, or hold with a
// reason.
import { setTimeout as delay } from 'node:timers/promises';
import type { Gate } from '#src/config/signals-config.ts';
import { quoted, type Reading } from '#src/control-plane/outgoing/answer-value.ts';
import { type BackOff, backOffMs } from '#src/control-plane/outgoing/back-off.ts';
import type { Outgoing, OutgoingAnswer } from '#src/control-plane/outgoing/outgoing-client.ts';
import { signatureHeaders } from '#src/control-plane/outgoing/signature.ts';
import { formatValue } from '#src/core/analysis/value-rule.ts';

export type GateVerdict = { readonly go: true } | { readonly go: false; readonly reason: string };

export interface AskingTools {
  readonly outgoing: Outgoing;
  readonly epochMs: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly signal: AbortSignal;
}

const backOff: BackOff = { baseMs: 250, maxMs: 5_000 };

/** Whether another attempt may get another answer. */
const isWorthAnotherTry = (answer: OutgoingAnswer): boolean =>
  !answer.ok || answer.status >= 500 || answer.status === 429;

/**
 * Posts `body` to a webhook, as often as its retries allow; resolves with the last answer. Rejects only when
 * aborted.
 */
export async function postSigned(
  { url, secret }: { readonly url: string; readonly secret: string | null },
  body: string,
  { timeoutMs, retries }: Pick<Gate, 'timeoutMs' | 'retries'>,
  { outgoing, epochMs, random, signal }: AskingTools,
): Promise<OutgoingAnswer> {
  for (let attempt = 1; ; attempt++) {
    const headers = { 'content-type': 'application/json', ...signatureHeaders(body, secret, epochMs()) };
    const answer = await outgoing.send({ method: 'POST', url, headers, body, timeoutMs });
    if (attempt > retries || !isWorthAnotherTry(answer)) return answer;
    await delay(backOffMs(backOff, attempt, random()), undefined, { signal });
  }
}

/** 2xx is go; 409 is a deliberate hold, whose reason is in the answer; anything else holds too. */
export function webhookVerdict(answer: OutgoingAnswer): GateVerdict {
  if (!answer.ok) return { go: false, reason: answer.reason };
  const { status, text } = answer;
  if (status >= 200 && status < 300) return { go: true };
  if (status === 409) return { go: false, reason: reasonIn(text) ?? 'it answered 409' };
  if (status >= 300 && status < 400)
    return { go: false, reason: `it answered ${status}, and redirects are not followed` };
  return { go: false, reason: `it answered ${status}` };
}

/** `{"reason": "…"}`, or a short plain text. */
function reasonIn(text: string): string | null {
  try {
    const { reason } = JSON.parse(text) as { reason?: unknown };
    return typeof reason === 'string' && quoted(reason) !== '' ? quoted(reason) : null;
  } catch {
    return quoted(text) || null;
  }
}

/** A number within its bounds is go. */
export function queryVerdict(
  reading: Reading,
  { min, max }: { readonly min: number | null; readonly max: number | null },
): GateVerdict {
  if (!reading.ok) return { go: false, reason: reading.reason };
  const { value } = reading;
  if (max !== null && value > max)
    return { go: false, reason: `${formatValue(value)} is above max ${formatValue(max)}` };
  if (min !== null && value < min)
    return { go: false, reason: `${formatValue(value)} is below min ${formatValue(min)}` };
  return { go: true };
}
