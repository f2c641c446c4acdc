// Judges a proxy by the wire corpus: `node test/rfc/run.ts [crossover|crossover-stream|nginx|haproxy|naive]
// [words of a case]`.
import { type ProxyName, proxyNames, readCorpus, runCases } from './lane.ts';
import { printResults } from './table.ts';

const [name = 'crossover', ...words] = process.argv.slice(2);
if (!proxyNames.includes(name as ProxyName)) {
  console.error(`unknown proxy ${name}; one of ${proxyNames.join(', ')}`);
  process.exit(2);
}
const wanted = words.join(' ');
const corpus = readCorpus().filter(({ name, file }) => `${file} ${name}`.includes(wanted));
const results = await runCases(name as ProxyName, corpus);
console.log(printResults(name, results));
process.exit(results.some(({ grade }) => grade === 'FAIL') ? 1 : 0);
