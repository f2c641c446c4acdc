// What a start loads of the API's schemas, and of Node, is what it needs.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { schemasFileText } from '#src/control-plane/api/schemas-file.ts';

const api = new URL('../../../src/control-plane/api/', import.meta.url);

/** The modules that a thread has loaded, ours by their address and Node's by name, once it has imported the API. */
async function modulesOfTheApi(): Promise<readonly string[]> {
  const script = `
    const { registerHooks } = require('node:module');
    const { parentPort } = require('node:worker_threads');
    const loaded = [];
    registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context); } });
    const load = async () => {
      for (const file of ['api-listener.ts', 'server.ts']) await import(new URL(file, '${api.href}').href);
      parentPort.postMessage([...loaded, ...process.moduleLoadList]);
    };
    void load();`;
  const thread = new Worker(script, { eval: true });
  const [modules] = (await once(thread, 'message')) as [string[]];
  await thread.terminate();
  return modules;
}

test('schemas.json is up to date when compared with the definitions', () => {
  const text = readFileSync(new URL('schemas.json', api), 'utf8');
  assert.equal(text, schemasFileText(), 'renew it: node src/control-plane/api/write-schemas.ts');
});

test('the API loads no TypeBox, no OpenAPI and no HTTP client of Node when it is imported', async () => {
  const modules = await modulesOfTheApi();
  assert.ok(modules.some((name) => name.endsWith('/src/control-plane/api/schemas.ts')));
  const unwanted = /node_modules\/(typebox|@fastify\/swagger|yaml)\/|internal\/deps\/undici/;
  assert.deepEqual(
    modules.filter((name) => unwanted.test(name)),
    [],
  );
});
