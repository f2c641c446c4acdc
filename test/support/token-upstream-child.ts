// A token upstream in a process of its own, to be killed. Every token goes to a file at once, so that the record outlives it.
import { openSync, writeSync } from 'node:fs';
import { TokenUpstream } from './token-upstream.ts';

const [cluster, node, port, recordPath] = process.argv.slice(2);
const record = openSync(recordPath as string, 'a');
const upstream = new TokenUpstream({
  cluster: cluster === 'y' ? 'y' : 'x',
  node: node as string,
  port: Number(port),
  record: (token) => writeSync(record, `${token}\n`),
});
await upstream.listen();
process.send?.(upstream.port);
process.on('disconnect', () => process.exit(0));
