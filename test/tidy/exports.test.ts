// Every export is imported by some other file. What is used only where it is declared is not exported, and
// what is used nowhere is not there.
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { type ModuleItem, type Pattern, parseSync } from '@swc/core';
import { assertNone, listed, type SourceFile, sourceFiles } from './source-files.ts';

/** A file's exports that others see, and what it takes from others: `path#name`, `path#*` for all of it. */
interface Links {
  readonly exported: ReadonlySet<string>;
  readonly imported: ReadonlySet<string>;
}

/** The repository's path of an import; null for a library. */
function targetOf(path: string, specifier: string): string | null {
  if (specifier.startsWith('#src/')) return `src/${specifier.slice('#src/'.length)}`;
  return specifier.startsWith('.') ? join(dirname(path), specifier) : null;
}

/** Names that a pattern binds: one, or the properties that are taken out of an object. */
function patternNames(pattern: Pattern): string[] {
  if (pattern.type === 'Identifier') return [pattern.value];
  if (pattern.type !== 'ObjectPattern') return ['[pattern]'];
  return pattern.properties.flatMap((property) =>
    property.type === 'AssignmentPatternProperty' ? [property.key.value] : ['[pattern]'],
  );
}

/** Names that a declaration or a list of exports gives to other files. */
function namesOf(item: ModuleItem): string[] {
  switch (item.type) {
    case 'ExportDeclaration': {
      const { declaration } = item;
      if (declaration.type === 'VariableDeclaration')
        return declaration.declarations.flatMap(({ id }) => patternNames(id));
      return [('identifier' in declaration ? declaration.identifier : declaration.id).value];
    }
    case 'ExportNamedDeclaration':
      return item.specifiers.map((one) =>
        one.type === 'ExportSpecifier' ? (one.exported ?? one.orig).value : '*',
      );
    case 'ExportDefaultDeclaration':
    case 'ExportDefaultExpression':
      return ['default'];
    default:
      return [];
  }
}

/** What an import or a re-export takes: names and the module they are of. */
function takenBy(item: ModuleItem): { readonly from: string; readonly names: readonly string[] } | null {
  switch (item.type) {
    case 'ImportDeclaration':
      return {
        from: item.source.value,
        names: item.specifiers.map((one) => {
          if (one.type === 'ImportSpecifier') return (one.imported ?? one.local).value;
          return one.type === 'ImportDefaultSpecifier' ? 'default' : '*';
        }),
      };
    case 'ExportNamedDeclaration':
      return item.source == null
        ? null
        : {
            from: item.source.value,
            names: item.specifiers.map((one) => (one.type === 'ExportSpecifier' ? one.orig.value : '*')),
          };
    case 'ExportAllDeclaration':
      return { from: item.source.value, names: ['*'] };
    default:
      return null;
  }
}

function linksOf({ path, text }: SourceFile): Links {
  const { body } = parseSync(text, { syntax: 'typescript', target: 'es2022' });
  const imported = new Set<string>();
  const take = (from: string, names: readonly string[]) => {
    const target = targetOf(path, from);
    if (target !== null) for (const name of names) imported.add(`${target}#${name}`);
  };
  for (const item of body) {
    const taken = takenBy(item);
    if (taken !== null) take(taken.from, taken.names);
  }
  // Modules that are loaded when they are needed: which of their names are used is not looked at.
  for (const [, from = ''] of text.matchAll(/\bimport\('([^']+)'\)/g)) take(from, ['*']);
  return { exported: new Set(body.flatMap(namesOf)), imported };
}

/** `path name` of every export that no other file imports. */
function deadExports(files: readonly SourceFile[]): string[] {
  const links = new Map(files.map((file) => [file.path, linksOf(file)]));
  const imported = new Set([...links.values()].flatMap((one) => [...one.imported]));
  return [...links].flatMap(([path, { exported }]) =>
    imported.has(`${path}#*`)
      ? []
      : [...exported].filter((name) => !imported.has(`${path}#${name}`)).map((name) => `${path} ${name}`),
  );
}

const file = (path: string, text: string): SourceFile => ({ path, text, lines: text.split('\n') });

test('an export is found dead when no other file imports it', () => {
  const files = [
    file(
      'src/a.ts',
      'export const used = 1;\nexport interface Dead { x: number }\nexport const taken = 2;\n',
    ),
    file('src/b.ts', "import { used as mine } from './a.ts';\nexport { taken } from '#src/a.ts';\n"),
    file('src/c.ts', "import { taken } from './b.ts';\nconst late = import('./d.ts');\n"),
    file('src/d.ts', 'export function whatever(): void {}\n'),
  ];
  assert.deepEqual(deadExports(files), ['src/a.ts Dead']);
});

test('every export of the sources, the benchmark and the scripts is imported somewhere', () => {
  const dead = deadExports(sourceFiles('src', 'bench', 'scripts', 'test')).filter(
    (entry) => !entry.startsWith('test/'),
  );
  const known = listed('known-dead-exports.txt');
  assertNone(
    dead.filter((entry) => !known.includes(entry)),
    'remove `export`, or what is exported',
  );
  assertNone(
    known.filter((entry) => !dead.includes(entry)),
    'take these lines out of test/tidy/known-dead-exports.txt: they are alive or gone',
  );
});
