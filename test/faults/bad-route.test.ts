// A route that only Y breaks, and failures that are not Kong's, on real sockets: named, parked, or left out
// of the judgement.
import assert from 'node:assert/strict';
import { Agent, createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createRandom } from '#src/base/random.ts';
import type { Config } from '#src/config/config.ts';
import { ATTEMPT, attemptOffset, epochSlots, X, Y } from '#src/shared-memory/layout.ts';
import { statusLines } from '#src/terminal/status-view.ts';
import { createStyle } from '#src/terminal/style.ts';
import { authorization } from '../support/control.ts';
import { type Crossover, startCrossover } from '../support/crossover.ts';
import { probePath, testConfig } from '../support/crossover-config.ts';
import { Signal } from '../support/signal.ts';
import { until } from '../support/until.ts';

type Answer = 'ok' | 'service-500' | 'kong-500';

/** Answers as Kong does, with its headers; what becomes of a path can be changed while it runs. */
class LikeKong {
  answerTo: (path: string) => Answer = () => 'ok';
  readonly requestsByRoute = new Map<string, number>();
  readonly #server = createServer((request, response) => this.#serve(request, response));

  async start(t: TestContext): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    t.after(() => this.#server.close().closeAllConnections());
    return (this.#server.address() as AddressInfo).port;
  }

  #serve({ url = '/' }: IncomingMessage, response: ServerResponse): void {
    if (url === probePath) {
      response.end();
      return;
    }
    const route = url.split('/')[1] ?? '';
    this.requestsByRoute.set(route, (this.requestsByRoute.get(route) ?? 0) + 1);
    const answer = this.answerTo(url);
    const isKong = answer === 'kong-500';
    const headers: Record<string, string> = isKong
      ? { 'X-Kong-Response-Latency': '1' }
      : { 'X-Kong-Upstream-Latency': '2', 'X-Kong-Proxy-Latency': '1' };
    response.writeHead(answer === 'ok' ? 200 : 500, headers).end(answer);
  }
}

/** One request in twenty for users, the others for orders; eight at a time, at most some 800 a second. */
class Clients {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #random = createRandom(12);
  readonly #signal = new Signal();
  #isRunning = true;
  answered = 0;

  constructor(t: TestContext, port: number) {
    this.#port = port;
    t.after(() => {
      this.#isRunning = false;
      this.#agent.destroy();
    });
    for (let client = 0; client < 8; client++) void this.#run();
  }

  async #run(): Promise<void> {
    while (this.#isRunning) {
      await this.#ask(this.#random.next() < 0.05 ? '/users/7' : '/orders/1');
      await new Promise((resolve) => setTimeout(resolve, 8));
    }
  }

  /** Resolves when so many more have been answered. */
  async untilAnswered(count: number): Promise<void> {
    const goal = this.answered + count;
    await this.#signal.until(
      () => this.answered >= goal,
      `${goal} answers`,
      () => this.answered,
    );
  }

  #ask(path: string): Promise<void> {
    return new Promise((resolve) => {
      const request = get({ host: '127.0.0.1', port: this.#port, path, agent: this.#agent }, (response) => {
        response.resume();
        response.on('close', resolve);
        this.answered++;
        this.#signal.notify();
      });
      request.on('error', () => resolve());
    });
  }
}

interface Bed {
  readonly x: LikeKong;
  readonly y: LikeKong;
  readonly crossover: Crossover;
  readonly clients: Clients;
}

async function startBed(t: TestContext, wanted: Partial<Config['thresholds']>, routing = {}): Promise<Bed> {
  const x = new LikeKong();
  const y = new LikeKong();
  const base = testConfig({
    x: [await x.start(t)],
    y: [await y.start(t)],
    failover: { on: [] },
    health: { ejection: false },
    rollout: { bakeMs: 0, soakMs: 500 },
    routing,
  });
  // Latency is not what is tested here, and machines that run tests stall.
  const thresholds = { ...base.thresholds, warmupMs: 3_600_000, ...wanted };
  const crossover = await startCrossover({ ...base, thresholds });
  t.after(() => crossover.stop());
  return { x, y, crossover, clients: new Clients(t, crossover.port) };
}

async function call(bed: Bed, method: string, path: string, body?: unknown) {
  const response = await fetch(`http://127.0.0.1:${bed.crossover.controlPort}${path}`, {
    method,
    headers: { 'content-type': 'application/json', authorization },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
  return JSON.parse(text);
}

/** Starts a rollout at 50 % and waits until Y has traffic. */
async function begin(bed: Bed, onBadRoute: 'revert' | 'park'): Promise<void> {
  await call(bed, 'POST', '/v1/rollout', { steps: [50, 100], onBadRoute });
  await statusWhere(bed, ({ clusters }) => clusters.y.requestsPerSecond > 0);
}

// biome-ignore lint/suspicious/noExplicitAny: a status as the API gives it
async function statusWhere(bed: Bed, holds: (status: any) => boolean): Promise<any> {
  // biome-ignore lint/suspicious/noExplicitAny: as above
  let status: any;
  const isWanted = async (): Promise<boolean> => {
    status = await call(bed, 'GET', '/v1/status');
    return holds(status);
  };
  await until(isWanted, `a status: ${holds}`, () => status?.rollout);
  return status;
}

const failUsers = (path: string): Answer => (path.startsWith('/users') ? 'kong-500' : 'ok');

/** Requests on the first route that were compared so far, on X and on Y. */
async function comparedUsers(bed: Bed): Promise<number[]> {
  const slabs = await bed.crossover.slabs();
  return [X, Y].map((arm) => {
    let sum = 0;
    for (const slab of slabs)
      for (let slot = 0; slot < epochSlots; slot++)
        sum += slab[attemptOffset(arm, slot) + ATTEMPT.routeRequests] ?? 0;
    return sum;
  });
}

test('a rollout is reverted and the route named when only Y breaks it', async (t) => {
  const bed = await startBed(t, {});
  await begin(bed, 'revert');
  await bed.clients.untilAnswered(500);
  bed.y.answerTo = failUsers;
  const { rollout } = await statusWhere(bed, ({ phase }) => phase === 'reverted');
  assert.equal(rollout.cause.name, 'evidence');
  assert.match(rollout.cause.text, /^route 127\.0\.0\.1\/users: errors [\d.]+ % on Y against 0 % on X/);
  const { routes, samples } = await evidenceOf(bed, rollout.id);
  assert.deepEqual(routeNames(routes), ['127.0.0.1/users']);
  assert.deepEqual(routeNames(samples), ['127.0.0.1/users']);
});

const routeNames = (named: readonly { route: string }[]): string[] => [
  ...new Set(named.map(({ route }) => route)),
];

/** What was frozen of a revert, once it is. */
async function evidenceOf(bed: Bed, id: string) {
  const isFrozen = async () => (await call(bed, 'GET', '/v1/evidence')).evidence.length > 0;
  await until(isFrozen, 'the evidence of the revert');
  return call(bed, 'GET', `/v1/evidence/${id}`);
}

test('a bad route goes to X and the rest of the rollout goes on', async (t) => {
  const routes = [
    { name: 'users', host: null, pathPrefix: '/users', methods: ['GET'] },
    { name: 'orders', host: null, pathPrefix: '/orders', methods: null },
  ];
  const bed = await startBed(t, {}, { routes });
  await begin(bed, 'park');
  await bed.clients.untilAnswered(500);
  bed.y.answerTo = failUsers;
  const parked = await statusWhere(bed, ({ rollout }) => rollout.parked.length > 0);
  assert.equal(parked.phase, 'ramping');
  assert.equal(parked.rollout.parked[0].name, 'users');
  assert.match(parked.rollout.parked[0].text, /^route users: errors/);
  // What was under way is over after these; then users go to X alone, orders to both.
  await bed.clients.untilAnswered(50);
  const before = {
    users: bed.y.requestsByRoute.get('users'),
    orders: bed.y.requestsByRoute.get('orders') ?? 0,
  };
  const compared = await comparedUsers(bed);
  await bed.crossover.replaceControl();
  await bed.clients.untilAnswered(1_000);
  assert.deepEqual(await comparedUsers(bed), compared, 'parked requests count in neither arm');
  assert.equal(bed.y.requestsByRoute.get('users'), before.users);
  assert.ok((bed.y.requestsByRoute.get('orders') ?? 0) > before.orders + 300);
  assert.equal((await call(bed, 'GET', '/v1/rollout')).phase, 'ramping');
  await call(bed, 'POST', '/v1/rollout/promote', {});
  await statusWhere(
    bed,
    ({ hold }) => hold?.text === 'route users is parked; unpark it, or complete without',
  );
  await call(bed, 'POST', '/v1/rollout/complete', { reason: 'users follow later' });
  bed.y.answerTo = () => 'ok';
  const back = await call(bed, 'POST', '/v1/rollout/unpark', { route: 'users', reason: 'fixed' });
  assert.deepEqual([back.phase, back.parked], ['completed', []]);
  await bed.clients.untilAnswered(300);
  assert.ok((bed.y.requestsByRoute.get('users') ?? 0) > (before.users ?? 0));
  const { events } = await call(bed, 'GET', '/v1/events?limit=1000');
  const names = events.map(({ name }: { name: string }) => name);
  assert.ok(names.includes('rollout-route-parked') && names.includes('rollout-route-unparked'));
});

test('failures of the services on Y do not revert where Kong is judged, those of Kong do', async (t) => {
  const bed = await startBed(t, { attribution: 'kong' });
  await begin(bed, 'revert');
  const random = createRandom(3);
  bed.y.answerTo = () => (random.next() < 0.5 ? 'service-500' : 'ok');
  // An attribution of all would have reverted after some 300.
  await bed.clients.untilAnswered(4_000);
  const blamed = await call(bed, 'GET', '/v1/status');
  assert.equal(blamed.phase, 'ramping', blamed.rollout.cause?.text);
  assert.ok(blamed.verdict.failureMakers.step.y.service > 500);
  assert.equal(blamed.verdict.failureMakers.step.y.kong, 0);
  const shown = statusLines(blamed, { style: createStyle(false), columns: 200 }).join('\n');
  assert.match(shown, /Errors +Y had [\d,]+ errors, of these [\d,]+ made by services, not counted/);
  bed.y.answerTo = () => (random.next() < 0.5 ? 'kong-500' : 'ok');
  const { rollout, verdict } = await statusWhere(bed, ({ phase }) => phase === 'reverted');
  assert.match(rollout.cause.text, /errors/);
  assert.ok(verdict.failureMakers.last60s.y.kong > 0);
  const { samples } = await evidenceOf(bed, rollout.id);
  assert.equal(samples.at(-1).maker, 'kong');
});
