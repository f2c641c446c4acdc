// A token upstream in a process of its own, to be stopped and killed. Every token goes to a file at once, so
// that the record outlives it; what it counted it tells when asked.
import { openSync, writeSync } from 'node:fs';
import type { UpstreamCounts, UpstreamStart } from './killable-upstream.ts';
import { TokenUpstream } from './token-upstream.ts';

const { recordPath, ...options } = JSON.parse(process.argv[2] as string) as UpstreamStart;
const record = openSync(recordPath, 'a');
const upstream = new TokenUpstream({ ...options, record: (token) => writeSync(record, `${token}\n`) });
await upstream.listen();
process.send?.(upstream.port);
process.on('message', () => {
  const { connectionsMost, damaged } = upstream;
  process.send?.({ connectionsMost, damaged } satisfies UpstreamCounts);
});
process.on('disconnect', () => process.exit(0));
