// A small, fixed slice of what `crossover simulate --full` runs at length.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fullSelection, reportOf, scenarioNames } from '#src/simulator/report.ts';
import { Results } from '#src/simulator/results.ts';
import { scenarioByName } from '#src/simulator/scenarios/all-scenarios.ts';
import { type RunOutcome, randomOfRun, simulate } from '#src/simulator/simulation.ts';
import { targets } from '#src/simulator/targets.ts';
import { runTasks } from '#src/simulator/task-pool.ts';
import { runTask, type Task } from '#src/simulator/tasks.ts';

const seed = 1;

function runs(name: string, count: number): RunOutcome[] {
  const scenario = scenarioByName.get(name);
  assert.ok(scenario !== undefined, name);
  return Array.from({ length: count }, (_, run) => simulate(scenario, randomOfRun(seed, name, run)));
}

for (const name of ['clean/errors-0.1', 'clean/shared-outages', 'clean/blips-errors', 'clean/restarts']) {
  test(`${name}: a Y as good as X gets everything`, () => {
    for (const outcome of runs(name, 2)) {
      assert.equal(outcome.end, 'completed');
      assert.deepEqual(
        outcome.steps.map(([, weightPpm]) => weightPpm),
        [10_000, 50_000, 100_000, 250_000, 500_000, 990_000],
      );
    }
  });
}

test('found/5: 5 % errors are found within 5 seconds', () => {
  for (const { end, seconds, cause } of runs('found/5', 10)) {
    assert.equal(end, 'reverted');
    assert.equal(cause, 'errors');
    assert.ok(seconds <= 5, `${seconds} s`);
  }
});

test('found/slow-all: latency that grows by a fifth is found', () => {
  for (const { end, cause } of runs('found/slow-all', 4)) {
    assert.equal(end, 'reverted');
    assert.match(cause ?? '', /^latency\./);
  }
});

test('found/hangs: requests that are never answered are found before they time out', () => {
  for (const { end, seconds } of runs('found/hangs', 4)) {
    assert.equal(end, 'reverted');
    assert.ok(seconds < 30, `${seconds} s`);
  }
});

test('worse/0.6: half a point of errors costs a handful of failed requests', () => {
  for (const { end, extraFailures } of runs('worse/0.6', 4)) {
    assert.equal(end, 'reverted');
    assert.ok(extraFailures < 30, `${extraFailures}`);
  }
});

test('worse/404: two points of successes that become 404 get no further than a step', () => {
  for (const { end, cause, steps } of runs('worse/404', 3)) {
    assert.equal(end, 'reverted');
    assert.equal(cause, 'status.404');
    assert.ok(
      steps.every(([, weightPpm]) => weightPpm <= 50_000),
      JSON.stringify(steps),
    );
  }
});

test('clean/x-unhealthy: nothing moves while X fails alone, and everything after', () => {
  for (const { end, steps, holds } of runs('clean/x-unhealthy', 2)) {
    assert.equal(end, 'completed');
    assert.ok(holds.includes('x-unhealthy'));
    assert.ok(steps.every(([second]) => second < 72 || second > 130));
  }
});

test('clean/workers: three workers in shared memory come to the same end', () => {
  const [outcome] = runs('clean/workers', 1);
  assert.equal(outcome?.end, 'completed');
});

test('caps: without a conclusion a rollout holds or reverts, as its policy says', () => {
  assert.ok(
    runs('caps/hold', 1).every(({ end, holds }) => end === 'running' && holds.includes('inconclusive')),
  );
  assert.ok(runs('caps/revert', 1).every(({ end, cause }) => end === 'reverted' && cause === 'inconclusive'));
});

test('park/failing: the bad route is parked, it alone, and the rest goes on', () => {
  for (const { end, parked, promotedAfterSeconds, holds } of runs('park/failing', 2)) {
    assert.equal(end, 'running');
    assert.deepEqual(parked, ['route 0']);
    assert.ok(promotedAfterSeconds !== null && holds.includes('parked'));
  }
});

test('attribution: services that fail do not count, Kong does, and silence holds', () => {
  assert.ok(runs('attribution/services', 1).every(({ end }) => end === 'completed'));
  assert.ok(runs('found/kong', 4).every(({ end, seconds }) => end === 'reverted' && seconds <= 5));
  assert.ok(
    runs('attribution/silent', 1).every(
      ({ end, holds }) => end === 'running' && holds.includes('attribution'),
    ),
  );
});

test('the same seed gives the same run, another one another', () => {
  const scenario = scenarioByName.get('found/0.6');
  assert.ok(scenario !== undefined);
  const run = (from: number) => simulate(scenario, randomOfRun(from, scenario.name, 0));
  assert.deepEqual(run(1), run(1));
  assert.notDeepEqual(run(1), run(2));
});

test('threads come to the same results as one, whatever the order', async () => {
  const tasks: Task[] = [0, 2].map((from) => ({ kind: 'crossover', name: 'found/5', seed, from, count: 2 }));
  tasks.push({ kind: 'Argo', name: 'found/5', seed, from: 0, count: 1 });
  tasks.push({ kind: 'yardstick', name: 'ideal/5', seed, from: 0, count: 20 });
  const done = new Map<Task['from'] | string, unknown>();
  await runTasks(tasks, (result) => done.set(JSON.stringify(result.task), result), 2);
  for (const task of tasks) assert.deepEqual(done.get(JSON.stringify(task)), runTask(task));
});

test('a thread that fails ends the simulation with its error', async () => {
  const unknown: Task = { kind: 'crossover', name: 'none', seed, from: 0, count: 1 };
  await assert.rejects(
    runTasks([unknown, unknown], () => {}, 2),
    /no scenario is called none/,
  );
});

test('every target has something in a full simulation to be measured on', () => {
  const { scenarios, yardsticks } = fullSelection(seed, null);
  assert.equal(new Set(scenarioNames).size, scenarioNames.length);
  const results = new Results();
  const outcome = runs('found/5', 1);
  const task = { seed, from: 0, count: 1 };
  for (const { name } of scenarios)
    results.add({
      task: { ...task, kind: 'crossover', name },
      crossover: outcome,
      baseline: [],
      yardstick: [],
    });
  for (const { name } of yardsticks)
    results.add({
      task: { ...task, kind: 'yardstick', name },
      crossover: [],
      baseline: [],
      yardstick: [100],
    });
  for (const target of targets) assert.ok(target.measure(results) !== null, target.name);
  // Every clean rollout was "reverted" by this outcome: the targets say so.
  assert.ok(reportOf(results).missedCount > 10);
});
