// The long form of restarts under load, by hand: new connections at a fixed rate while the process replaces
// itself again and again (SIGUSR2).
//   node test/soak/restarts.ts [--restarts 100] [--rate 1000] [--workers 2] [--write] Prints a report, exits
//     1 when anything was refused, reset or lost; --write puts it into RESTARTS.md beside this file.
import { writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ConnectLoad } from '../support/connect-load.ts';
import { Restartable } from '../support/restartable.ts';
import { TokenUpstream } from '../support/token-upstream.ts';

const { values } = parseArgs({
  options: {
    restarts: { type: 'string', default: '100' },
    rate: { type: 'string', default: '1000' },
    workers: { type: 'string', default: '2' },
    write: { type: 'boolean', default: false },
  },
});
const restarts = Number(values.restarts);
const rate = Number(values.rate);
const workers = Number(values.workers);

const x = new TokenUpstream({ cluster: 'x', node: 'x0' });
const y = new TokenUpstream({ cluster: 'y', node: 'y0' });
await Promise.all([x.listen(), y.listen()]);
const crossover = new Restartable();
const durations: number[] = [];
const startedMs = performance.now();
try {
  const { port } = await crossover.start({ workers, xPort: x.port, yPort: y.port });
  const load = new ConnectLoad({ port, perSecond: rate, answerMsMax: 10_000 });
  await load.untilAnswered(rate);
  for (let index = 1; index <= restarts; index++) {
    const { reason, tookMs } = await crossover.replace();
    if (reason !== null) throw new Error(`restart ${index}: ${reason}`);
    durations.push(tookMs);
    if (index % 10 === 0) console.log(`${index} restarts, ${JSON.stringify(load.report)}`);
  }
  await load.untilAnswered(rate);
  const report = await load.stop();
  const drained = crossover.log.filter(({ msg }) => msg.startsWith('stopped;'));
  const cut = drained.filter(({ msg }) => msg !== 'stopped; nothing was cut').length;
  const arrived = [...x.deliveries.values(), ...y.deliveries.values()];
  const missing = report.answered - arrived.length;
  const doubled = arrived.filter((count) => count > 1).length;
  durations.sort((a, b) => a - b);
  const at = (share: number) =>
    ((durations[Math.floor(share * (durations.length - 1))] ?? 0) / 1000).toFixed(1);
  const rows: [string, number | string, string][] = [
    ['restarts', durations.length, ''],
    ['connections', report.connects, ''],
    ['refused', report.refused, '0'],
    ['reset', report.reset, '0'],
    ['failed otherwise', report.failed, '0'],
    ['answered', report.answered, 'all'],
    ['answered, but unknown to the upstream nodes', missing, '0'],
    ['delivered twice', doubled, '0'],
    ['processes that cut an exchange', cut, '0'],
    ['slowest connection, ms', Math.round(report.slowestMs), ''],
    ['from the signal until the new process serves, s: half / all', `${at(0.5)} / ${at(1)}`, ''],
  ];
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, Linux ${release()}, Node ${process.version}`;
  const minutes = ((performance.now() - startedMs) / 60_000).toFixed(1);
  const markdown = [
    '# Restarts under load',
    '',
    `\`node test/soak/restarts.ts --restarts ${restarts} --rate ${rate}\`, ${minutes} minutes, ${machine}.`,
    `${rate} new connections a second, one request on each; ${workers} workers; load generator and upstream nodes share the machine.`,
    'Each restart is a SIGUSR2 to the process that serves, as soon as its predecessor was replaced.',
    '',
    '| figure | value | target |',
    '| --- | --- | --- |',
    ...rows.map((row) => `| ${row.join(' | ')} |`),
    '',
  ].join('\n');
  console.log(markdown, report.problems.join('\n'));
  if (values.write) writeFileSync(fileURLToPath(new URL('./RESTARTS.md', import.meta.url)), markdown);
  const isHeld = report.answered === report.connects && missing === 0 && doubled === 0 && cut === 0;
  process.exitCode = isHeld ? 0 : 1;
} finally {
  crossover.stop();
  await Promise.all([x.stop(), y.stop()]);
}
