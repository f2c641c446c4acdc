import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { test } from 'node:test';
import { formatLogLine } from '#src/terminal/log-writer.ts';

const hostile = 'paths\u001b[2K\u009b1m\u202eend';
const shown = 'paths\\u001b[2K\\u009b1m\\u202eend';

test('a log line for a terminal shows what would act on it when text comes from outside', () => {
  const fields = { actor: hostile, list: [hostile], error: 'Error: x\n12:00:00.000 INFO  forged' };
  const line = formatLogLine({ level: 'warn', message: hostile, fields }, new Date(0));
  assert.ok(line.includes(`WARN  ${shown} actor=${shown}`), line);
  assert.ok(line.includes(JSON.stringify([shown])), line);
  assert.match(line, /error=Error: x\n {4}12:00:00\.000 INFO {2}forged$/);
});

test('a log line in JSON shows it as well, and keeps the lines of a stack trace', () => {
  const code = `
    import { createLogWriter } from '#src/terminal/log-writer.ts';
    createLogWriter(false)({ level: 'info', message: ${JSON.stringify(hostile)}, fields: { detail: [${JSON.stringify(hostile)}], error: 'a\\nb' } });`;
  const { stderr } = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', code], {
    encoding: 'utf8',
  });
  const line = JSON.parse(stderr) as Record<string, unknown>;
  assert.deepEqual([line.msg, line.detail, line.error], [shown, [shown], 'a\nb']);
});
