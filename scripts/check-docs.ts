// Checks what the documents tell people to type and to open: npm scripts, crossover commands with their
// options, links to files and to headings in them, and paths of files.
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';

const files = globSync(['*.md', 'docs/**/*.md', 'bench/*.md', 'test/**/*.md']).sort();
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  scripts: Readonly<Record<string, string>>;
};
const helpByCommand = new Map<string, string>();
const headingsByFile = new Map<string, ReadonlySet<string>>();
const problems: string[] = [];
/** A path of the repository in code: alone, or behind `node`. */
const pathPattern = /(?:`|\bnode )((?:src|test|bench|scripts|config|docs|bin)\/[\w./-]+)(?=[`\s])/g;
let commandCount = 0;
let linkCount = 0;
let pathCount = 0;

for (const file of files) {
  const text = readFileSync(file, 'utf8');
  for (const block of text.matchAll(/^```(?:sh|bash|shell|console)\n(.*?)^```/gms))
    checkBlock(file, block[1] ?? '');
  // Code is left out: brackets followed by parentheses are no links there.
  const prose = text.replace(/^```.*?^```/gms, '').replace(/`[^`\n]*`/g, '');
  for (const link of prose.matchAll(/\[[^\]]*\]\(([^)\s]+)[^)]*\)/g)) checkLink(file, link[1] ?? '');
  for (const path of text.matchAll(pathPattern)) checkPath(file, path[1] ?? '');
}
for (const problem of problems) console.error(problem);
console.log(
  `${files.length} documents, ${commandCount} commands, ${linkCount} links to files, ${pathCount} paths, ${problems.length} problems`,
);
process.exitCode = problems.length === 0 ? 0 : 1;

function checkBlock(file: string, block: string): void {
  for (const line of block.replaceAll('\\\n', ' ').split('\n')) {
    const command = line.replace(/^\$ /, '').replace(/(^|\s)#.*$/, '');
    const script = /^npm (?:run )?([\w:-]+)/.exec(command)?.[1];
    if (script !== undefined) checkScript(file, command, script);
    // The command itself, or behind npm: `npm run crossover -- status`.
    const words = /(?:^|\s|\/)crossover (?:-- )?([a-z][\w -]*.*)$/.exec(command)?.[1];
    if (words !== undefined && (script === undefined || script === 'crossover')) checkCrossover(file, words);
  }
}

function checkScript(file: string, command: string, script: string): void {
  commandCount += 1;
  const builtIn = ['ci', 'i', 'install', 'audit'].includes(script);
  if (!builtIn && scripts[script] === undefined) problems.push(`${file}: no npm script for \`${command}\``);
}

function checkCrossover(file: string, words: string): void {
  commandCount += 1;
  const [name = '', ...rest] =
    words
      .split(/[|>;&]/)[0]
      ?.trim()
      .split(/\s+/) ?? [];
  const help = helpOf(name);
  if (help === null) {
    problems.push(`${file}: no command \`crossover ${name}\``);
    return;
  }
  const subcommand =
    rest[0] !== undefined && new RegExp(`^  ${rest[0]}[| ]`, 'm').test(help) ? rest[0] : null;
  const fullHelp = subcommand === null ? help : `${help}${helpOf(`${name} ${subcommand}`) ?? ''}`;
  for (const option of rest.flatMap((word) => /^--[a-z-]+/.exec(word) ?? [])) {
    if (!fullHelp.includes(option)) problems.push(`${file}: \`crossover ${name}\` has no ${option}`);
  }
}

function helpOf(command: string): string | null {
  const known = helpByCommand.get(command);
  if (known !== undefined) return known;
  const { status, stdout } = spawnSync(
    process.execPath,
    ['bin/crossover.js', ...command.split(' '), '--help'],
    { encoding: 'utf8' },
  );
  // For an unknown command commander prints the help of the whole program.
  const found = status === 0 && stdout.startsWith(`Usage: crossover ${command} `);
  if (!found) return null;
  helpByCommand.set(command, stdout);
  return stdout;
}

function checkLink(file: string, link: string): void {
  if (/^[a-z]+:/.test(link)) return;
  linkCount += 1;
  const [target = '', heading] = link.split('#');
  const path = target === '' ? file : join(dirname(file), target);
  if (!existsSync(path)) problems.push(`${file}: ${target} does not exist`);
  else if (heading !== undefined && !headingsOf(path).has(heading))
    problems.push(`${file}: ${path} has no heading #${heading}`);
}

/** Ids of the headings of a document, as GitHub makes them. */
function headingsOf(path: string): ReadonlySet<string> {
  const known = headingsByFile.get(path);
  if (known !== undefined) return known;
  const text = readFileSync(path, 'utf8').replace(/^```.*?^```/gms, '');
  const ids = [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
  const headings = new Set(ids);
  headingsByFile.set(path, headings);
  return headings;
}

function checkPath(file: string, path: string): void {
  pathCount += 1;
  if (!existsSync(path)) problems.push(`${file}: ${path} does not exist`);
}
