// docs/cli.md and the command tree say the same: every command, argument and option, in the same words.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Command } from 'commander';
import { createProgram } from '#src/cli/program.ts';
import { parseConfig } from '#src/config/load.ts';
import { demoConfigText, demoPace } from '#src/demo/demo-config.ts';
import { faultNames } from '#src/demo/faults.ts';
import { exitCodes } from '#src/terminal/cli-io.ts';

const doc = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
const io = {
  out: () => {},
  err: () => {},
  env: {},
  isTty: false,
  color: false,
  columns: () => 100,
  rows: () => 40,
};
const program = await createProgram({ io, exitCode: exitCodes.done });

/** Name and command of everything that can be run: `split set`, not `split`. */
function leaves(command: Command, path: readonly string[] = []): [string, Command][] {
  if (command.commands.length === 0) return [[path.join(' '), command]];
  return command.commands.flatMap((child) => leaves(child, [...path, child.name()]));
}
const commands = new Map(leaves(program));

/** Sections of the document by command. */
const sections = new Map(
  doc
    .split(/^## /m)
    .slice(1)
    .map((text): [string, string] => [/^`crossover ([^`]+)`/.exec(text)?.[1] ?? '', text]),
);

/** `| \`--flag\` | description |` rows of the option table. */
const documentedOptions = (section: string): string[] =>
  [...section.matchAll(/^\| `((?:-|<|\[)[^`]+)` \| (.*) \|$/gm)].map(
    ([, flags, text]) => `${flags}: ${text}`,
  );

const actualOptions = (command: Command): string[] => [
  ...command.registeredArguments.map(
    (argument) =>
      `${argument.required ? `<${argument.name()}>` : `[${argument.name()}]`}: ${argument.description}`,
  ),
  ...command.options.map((option) => `${option.flags}: ${option.description}`),
];

describe('docs/cli.md', () => {
  it('has a section for every command and for nothing else', () => {
    assert.deepEqual([...sections.keys()].sort(), [...commands.keys()].sort());
  });

  for (const [name, command] of commands) {
    it(`lists the arguments and options of ${name} in the words of its help`, () => {
      assert.deepEqual(documentedOptions(sections.get(name) ?? '').sort(), actualOptions(command).sort());
    });
  }

  it('uses only commands and options that exist in its examples', () => {
    const examples = [...doc.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(([, text = '']) =>
      text.trim().split('\n'),
    );
    assert.ok(examples.length > 15);
    for (const example of examples) {
      const words = example.slice(example.indexOf('crossover ') + 'crossover '.length).split(' ');
      const name = [...commands.keys()].find((known) => `${words.join(' ')} `.startsWith(`${known} `));
      assert.ok(name !== undefined, example);
      const known = commands.get(name)?.options.map((option) => option.long);
      for (const word of words) if (word.startsWith('--')) assert.ok(known?.includes(word), example);
    }
  });

  it('names every fault of the demo', () => {
    const table = /^\| Fault \|[\s\S]*?\n\n/m.exec(sections.get('demo') ?? '')?.[0] ?? '';
    const named = [...table.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name);
    assert.deepEqual(named, [...faultNames]);
  });

  it("states the demo's settings and the defaults as they are", () => {
    const places = {
      proxyPort: 8000,
      controlPort: 9900,
      xUrls: ['http://127.0.0.1:1'],
      yUrls: ['http://127.0.0.1:2'],
      token: 'a-token-for-the-tests',
    };
    const demo = configOf(demoConfigText({ ...places, storePath: '/tmp/x.db' }, demoPace));
    const usual = configOf(
      'clusters: { x: { label: x, nodes: [http://127.0.0.1:1] }, y: { label: y, nodes: [http://127.0.0.1:2] } }',
    );
    const rows = [
      ...(sections.get('demo') ?? '').matchAll(/^\| `([a-z]+)\.([a-zA-Z]+)` \| (\S+) \| (\S+) \|$/gm),
    ];
    const stated = new Map(
      rows.map(([, section, key, inDemo, byDefault]) => [`${section}.${key}`, [inDemo, byDefault]]),
    );
    assert.deepEqual(stated.get('rollout.bake'), [
      seconds(demo.rollout.bakeMs),
      seconds(usual.rollout.bakeMs),
    ]);
    assert.deepEqual(stated.get('rollout.soak'), [
      seconds(demo.rollout.soakMs),
      minutes(usual.rollout.soakMs),
    ]);
    assert.deepEqual(stated.get('rollout.autostart'), [
      String(demo.rollout.autostart),
      String(usual.rollout.autostart),
    ]);
    assert.deepEqual(stated.get('thresholds.warmup'), [
      seconds(demo.thresholds.warmupMs),
      seconds(usual.thresholds.warmupMs),
    ]);
    assert.deepEqual(stated.get('thresholds.harm'), [
      percent(demo.thresholds.harm),
      percent(usual.thresholds.harm),
    ]);
    assert.deepEqual(stated.get('health.interval'), [
      seconds(demo.health.intervalMs),
      seconds(usual.health.intervalMs),
    ]);
    assert.deepEqual(stated.get('timeouts.responseHead'), [
      seconds(demo.timeouts.responseHeadMs),
      seconds(usual.timeouts.responseHeadMs),
    ]);
    assert.deepEqual(stated.get('timeouts.drain'), [
      seconds(demo.timeouts.drainMs),
      seconds(usual.timeouts.drainMs),
    ]);
    const listed = ({ rollout }: typeof demo) => rollout.stepsPpm.map((ppm) => ppm / 10_000).join(', ');
    assert.ok(doc.includes(`| \`rollout.steps\` | ${listed(demo)} | ${listed(usual)} |`));
  });
});

function configOf(text: string) {
  const loaded = parseConfig(text, 'demo.yaml', {});
  assert.ok(loaded.ok, JSON.stringify(loaded));
  return loaded.config;
}

const seconds = (ms: number): string => `${ms / 1000}s`;
const minutes = (ms: number): string => `${ms / 60_000}m`;
const percent = (share: number): string => `${Number((share * 100).toPrecision(6))}%`;
