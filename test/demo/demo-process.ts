// Entry of a process that runs the demo at the pace of a test: `node demo-process.ts '{"options": ...,
// "pace": ...}'`.
import process from 'node:process';
import { type DemoOptions, runDemo } from '#src/demo/demo.ts';
import type { DemoPace } from '#src/demo/demo-config.ts';
import { processIo } from '#src/terminal/cli-io.ts';

const { options, pace } = JSON.parse(process.argv[2] ?? '') as { options: DemoOptions; pace: DemoPace };
process.exitCode = await runDemo(options, processIo(), pace);
