// A real Prometheus that scrapes an exporter of the test four times a second, in a folder of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { request } from 'undici';
import { until } from '../../support/until.ts';
import { quickFolder } from './temp-folder.ts';

export interface PrometheusServer {
  readonly url: string;
  /** Resolves when the query gives this value. */
  untilQuery(query: string, value: number): Promise<void>;
  /** Ends the server. */
  stop(): Promise<void>;
}

/** Prometheus takes no port 0: one that is free now is asked for, and another when somebody was faster. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export async function startPrometheus(t: TestContext, exporterPort: number): Promise<PrometheusServer> {
  const folder = quickFolder(t);
  const configFile = join(folder, 'prometheus.yml');
  writeFileSync(
    configFile,
    `global: { scrape_interval: 250ms, scrape_timeout: 200ms }
scrape_configs: [{ job_name: exporter, static_configs: [{ targets: ["127.0.0.1:${exporterPort}"] }] }]\n`,
  );
  for (let attempt = 0; attempt < 5; attempt++) {
    const server = await tryStart(t, folder, configFile, await freePort());
    if (server !== null) return server;
  }
  throw new Error('prometheus did not start');
}

async function tryStart(
  t: TestContext,
  folder: string,
  configFile: string,
  port: number,
): Promise<PrometheusServer | null> {
  const child = spawn(
    'prometheus',
    [
      `--config.file=${configFile}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    { stdio: 'ignore' },
  );
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  t.after(stop);
  const url = `http://127.0.0.1:${port}`;
  const isUp = async (): Promise<boolean> => {
    const ready = await request(`${url}/-/ready`).catch(() => null);
    await ready?.body.dump();
    return ready?.statusCode === 200;
  };
  await until(async () => child.exitCode !== null || (await isUp()), 'Prometheus to be ready');
  if (child.exitCode !== null) return null;
  return { url, untilQuery: (query, value) => untilQuery(url, query, value), stop };
}

async function untilQuery(url: string, query: string, value: number): Promise<void> {
  let last: unknown = null;
  const givesValue = async (): Promise<boolean> => {
    const response = await request(`${url}/api/v1/query?query=${encodeURIComponent(query)}`);
    const { data } = (await response.body.json()) as { data?: { result?: { value?: [number, string] }[] } };
    last = data;
    return data?.result?.length === 1 && Number(data.result[0]?.value?.[1]) === value;
  };
  await until(givesValue, `${query} to be ${value}`, () => last);
}
