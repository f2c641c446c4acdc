// What tests ask of the control API: the split and the metrics, the way an operator does.
import type { Crossover } from './crossover.ts';
import { until } from './until.ts';

/** The port of the control API once it answers: the proxy serves before that. */
export async function untilControlAnswers(crossover: Crossover): Promise<number> {
  let port = 0;
  const answers = async (): Promise<boolean> => {
    const { controlPort } = (await crossover.order({ type: 'ports' })) as { readonly controlPort: number };
    port = controlPort;
    return port > 0;
  };
  await until(answers, 'the control API');
  return port;
}

/** What test configurations have as `control.token`. */
export const controlToken = 'a-token-for-the-tests';
export const authorization = `Bearer ${controlToken}`;

/** Sets Y's share in percent. */
export async function putSplit(controlPort: number, yPercent: number): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${controlPort}/v1/split`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', authorization },
    body: JSON.stringify({ y: yPercent }),
  });
  if (!response.ok) throw new Error(`PUT /v1/split: ${response.status} ${await response.text()}`);
  await response.arrayBuffer();
}

/** The samples of /metrics by name and labels as they are written, e.g. `name{a="b"}`. */
export async function readMetrics(controlPort: number): Promise<Map<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${controlPort}/metrics`)).text();
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^([a-z_]+(?:\{[^}]*\})?) (\S+)$/.exec(line);
    if (match !== null) samples.set(match[1] as string, Number(match[2]));
  }
  return samples;
}

/** Sum of the samples of one metric whose labels contain every given `name="value"`. */
export function sumMetric(samples: ReadonlyMap<string, number>, name: string, ...labels: string[]): number {
  let sum = 0;
  for (const [key, value] of samples) {
    if (key !== name && !key.startsWith(`${name}{`)) continue;
    if (labels.every((label) => key.includes(label))) sum += value;
  }
  return sum;
}
