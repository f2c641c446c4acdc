// `crossover serve`: runs the proxy until a signal ends it. Signals and exit codes are here; the work is the supervisor's.
import process from 'node:process';
import type { Command } from 'commander';
import type { ConfigProblem } from '#src/config/config.ts';
import type { Supervisor } from '#src/main.ts';
import { StartError } from '#src/supervisor/start-error.ts';
import { cannotStart } from './cannot-start.ts';
import { type CliContext, type CliIo, exitCodes } from './cli-io.ts';
import { formatConfigProblems } from './config-problems.ts';
import { createLogWriter, type LogWriter } from './log-writer.ts';
import { packageVersion } from './package-version.ts';

/** Adds `serve` to the program. */
export function addServe(program: Command, context: CliContext): void {
  program
    .command('serve')
    .summary('run the proxy')
    .description('Runs the proxy in front of both clusters, with its control API, until SIGTERM or SIGINT.')
    .requiredOption('--config <file>', 'configuration file (YAML)')
    .addHelpText('after', examples)
    .action(async (options: { config: string }) => {
      context.exitCode = await serve(options.config, context.io);
    });
}

const examples = `
Signals:
  SIGTERM, SIGINT   stop accepting, finish what is under way, at most \`timeouts.drain\` long; exit code 0 when nothing was cut, else 1
  the second one    end at once, exit code 1
  SIGHUP            read the configuration again; a bad one is refused and the old one stays

Examples:
  crossover serve --config crossover.yaml
  CROSSOVER_TOKEN=... crossover serve --config crossover.yaml 2> crossover.log

What next: \`crossover status\` shows both clusters, \`crossover rollout start\` begins to move traffic.
`;

async function serve(file: string, io: CliIo): Promise<number> {
  // A reload asked for while the proxy starts must not end it; the file is read again once it runs.
  let reloadWaits = false;
  const remember = () => {
    reloadWaits = true;
  };
  process.on('SIGHUP', remember);
  const { loadConfigFile } = await import('#src/config/load.ts');
  const main = await import('#src/main.ts');
  const loaded = loadConfigFile(file, io.env);
  if (!loaded.ok) {
    io.err(formatConfigProblems(loaded.problems));
    return exitCodes.badUsage;
  }
  const log = createLogWriter(process.stderr.isTTY === true);
  const { config } = loaded;
  const reload = async () => loadConfigFile(file, io.env);
  const supervisor = await main
    .startSupervisor({ config, configPath: file, log, reload })
    .catch((error: unknown) => {
      throw error instanceof StartError ? cannotStart(error) : error;
    });
  warn(loaded.warnings, log);
  const { proxy, control } = config.listen;
  io.out(
    `crossover ${packageVersion()} proxies on ${proxy.host}:${supervisor.proxyPort}; ` +
      `control API on http://${control.host}:${supervisor.controlPort}\n`,
  );
  const ended = untilSignal(supervisor, log);
  process.off('SIGHUP', remember);
  if (reloadWaits) await reloadConfig(supervisor, log);
  return ended;
}

/** Handles signals until the proxy has drained. The exit code is 0 only when no exchange was cut. */
function untilSignal(supervisor: Supervisor, log: LogWriter): Promise<number> {
  return new Promise((resolve, reject) => {
    let draining = false;
    const stop = (signal: NodeJS.Signals) => {
      // Whoever asks twice does not want to wait for the drain.
      if (draining) process.exit(exitCodes.failed);
      draining = true;
      log({ level: 'info', message: 'draining', fields: { signal } });
      supervisor.drain().then(({ cutExchanges }) => {
        log({
          level: cutExchanges === 0 ? 'info' : 'warn',
          message: cutExchanges === 0 ? 'stopped; nothing was cut' : 'stopped; the deadline cut exchanges',
          fields: { cutExchanges },
        });
        resolve(cutExchanges === 0 ? exitCodes.done : exitCodes.failed);
      }, reject);
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
    process.on('SIGHUP', () => void reloadConfig(supervisor, log));
  });
}

/** What the configuration says and probably does not mean; one line for all of it. */
function warn(warnings: readonly ConfigProblem[], log: LogWriter): void {
  if (warnings.length === 0) return;
  const fields = { warnings: warnings.map((warning) => formatConfigProblems([warning]).trimEnd()) };
  log({ level: 'warn', message: 'the configuration is valid, and doubtful', fields });
}

async function reloadConfig(supervisor: Supervisor, log: LogWriter): Promise<void> {
  const result = await supervisor.reload();
  if (result.ok) {
    const { configRevision, changed, warnings } = result;
    log({ level: 'info', message: 'configuration reloaded', fields: { configRevision, changed } });
    warn(warnings, log);
    return;
  }
  const problems = result.problems.map((problem) => formatConfigProblems([problem]).trimEnd());
  log({ level: 'error', message: 'reload refused; the old configuration stays', fields: { problems } });
}
