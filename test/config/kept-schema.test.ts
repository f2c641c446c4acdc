// What a start loads of the schema: its kept form, and not what makes it.
import assert from 'node:assert/strict';
import { registerHooks } from 'node:module';
import { test } from 'node:test';

test('reading a config does not load TypeBox, which would be a third of a start', async () => {
  const loaded: string[] = [];
  registerHooks({
    load: (url, context, nextLoad) => {
      loaded.push(url);
      return nextLoad(url, context);
    },
  });
  await import('#src/config/load.ts');
  assert.ok(loaded.some((url) => url.endsWith('/src/config/kept-schema.ts')));
  assert.deepEqual(
    loaded.filter((url) => url.includes('/node_modules/typebox/')),
    [],
  );
});
