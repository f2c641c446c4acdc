// What a start loads of the API's schemas, and of Node, is what it needs.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Ajv } from 'ajv';
import * as schemas from '#src/control-plane/api/schemas.ts';
import { schemasFileText } from '#src/control-plane/api/schemas-file.ts';

const api = new URL('../../../src/control-plane/api/', import.meta.url);
const routes = new URL('../support/api-routes.ts', import.meta.url);

/**
 * The modules that a thread has loaded, ours by their address and Node's by name, once it has made the API.
 */
async function modulesOfTheApi(): Promise<readonly string[]> {
  const script = `
    const { registerHooks } = require('node:module');
    const { parentPort } = require('node:worker_threads');
    const loaded = [];
    registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context); } });
    const make = async () => {
      const { apiRoutes } = await import('${routes.href}');
      await apiRoutes();
      parentPort.postMessage([...loaded, ...process.moduleLoadList]);
    };
    void make();`;
  const thread = new Worker(script, { eval: true });
  const [modules] = (await once(thread, 'message')) as [string[]];
  await thread.terminate();
  return modules;
}

test('schemas.json is up to date when compared with the definitions', () => {
  const text = readFileSync(new URL('schemas.json', api), 'utf8');
  assert.equal(text, schemasFileText(), 'renew it: node src/control-plane/api/write-schemas.ts');
});

test('every schema of the API can be compiled, which a start does not do', () => {
  const ajv = new Ajv({ strict: false, allErrors: true });
  for (const schema of Object.values(schemas)) assert.equal(typeof ajv.compile(schema), 'function');
});

test('the API loads no TypeBox, no OpenAPI, no compilers of Fastify and no HTTP client of Node when it is made', async () => {
  const modules = await modulesOfTheApi();
  assert.ok(modules.some((name) => name.endsWith('/src/control-plane/api/schemas.ts')));
  const unwanted =
    /node_modules\/(typebox|@fastify\/swagger|yaml|@fastify\/ajv-compiler|@fastify\/fast-json-stringify-compiler)\/|internal\/deps\/undici/;
  assert.deepEqual(
    modules.filter((name) => unwanted.test(name)),
    [],
  );
});
