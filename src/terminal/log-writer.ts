// Writes the log to stderr: as JSON lines (pino), or as readable lines when stderr is a terminal.
import process from 'node:process';
import { pino } from 'pino';
import type { LogLine } from '#src/shared-memory/messages.ts';

export type LogWriter = (line: LogLine) => void;

const pad = (value: number, digits: number): string => String(value).padStart(digits, '0');

/** A log line as text, in local time: `12:03:04.567 WARN  worker lost index=2`. */
function formatLogLine(line: LogLine, at: Date): string {
  const time = `${pad(at.getHours(), 2)}:${pad(at.getMinutes(), 2)}:${pad(at.getSeconds(), 2)}.${pad(at.getMilliseconds(), 3)}`;
  const fields = Object.entries(line.fields).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return [time, line.level.toUpperCase().padEnd(5), line.message, ...fields].join(' ');
}

/**
 * Logs to stderr. Writing is synchronous, so that the last lines before an exit are not lost; no request is
 * logged.
 */
export function createLogWriter(isTty: boolean): LogWriter {
  if (isTty) return (line) => void process.stderr.write(`${formatLogLine(line, new Date())}\n`);
  const logger = pino(
    {
      base: { pid: process.pid },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    pino.destination({ dest: 2, sync: true }),
  );
  return (line) => logger[line.level](line.fields, line.message);
}
