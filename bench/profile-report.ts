// Reads the profiles that --profile has made and reports where each thread spent its time.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const root = fileURLToPath(new URL('../', import.meta.url));
const rowsMax = 40;
/** Rows for the threads other than the proxy worker, which is the busiest. */
const otherRowsMax = 8;

/** The functions with the most self time of each thread that did anything, most first. */
export function profileReport(directory: string): string {
  return readdirSync(directory)
    .filter((file) => file.endsWith('.cpuprofile'))
    .map((file) => threadReport(JSON.parse(readFileSync(join(directory, file), 'utf8')) as CpuProfile))
    .sort((a, b) => b.busyUs - a.busyUs)
    .map(({ text }, index) => (index === 0 ? text : text.split('\n').slice(0, otherRowsMax).join('\n')))
    .join('\n\n');
}

function threadReport(profile: CpuProfile): { busyUs: number; text: string } {
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, frameName(callFrame)]));
  const selfUs = new Map<string, number>();
  let idleUs = 0;
  profile.samples.forEach((id, index) => {
    const name = names.get(id) ?? '?';
    const us = Math.max(0, profile.timeDeltas[index] ?? 0);
    if (name === '(idle)') idleUs += us;
    else selfUs.set(name, (selfUs.get(name) ?? 0) + us);
  });
  const busyUs = [...selfUs.values()].reduce((sum, us) => sum + us, 0);
  const rows = [...selfUs].sort((a, b) => b[1] - a[1]).slice(0, rowsMax);
  const lines = rows.map(([name, us]) => `${((us / busyUs) * 100).toFixed(1).padStart(6)} %  ${name}`);
  const [seconds, idle] = [busyUs / 1e6, idleUs / 1e6].map((value) => value.toFixed(1));
  return { busyUs, text: `Thread busy ${seconds} s, idle ${idle} s; self time:\n${lines.join('\n')}\n` };
}

function frameName({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  const where = url.startsWith('file:') ? fileURLToPath(url).replace(root, '') : url;
  return `${functionName || '(anonymous)'}${where === '' ? '' : `  ${where}:${lineNumber + 1}`}`;
}
