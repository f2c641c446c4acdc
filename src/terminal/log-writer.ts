// Writes the log to stderr: as JSON lines (pino), or as readable lines when stderr is a terminal.
import process from 'node:process';
import { pino } from 'pino';
import { visibleData, visibleLines } from '#src/base/visible-text.ts';
import type { LogLine } from '#src/shared-memory/messages.ts';

export type LogWriter = (line: LogLine) => void;

const pad = (value: number, digits: number): string => String(value).padStart(digits, '0');

/** A log line as text, in local time: `12:03:04.567 WARN  worker lost index=2`. */
export function formatLogLine(line: LogLine, at: Date): string {
  const time = `${pad(at.getHours(), 2)}:${pad(at.getMinutes(), 2)}:${pad(at.getSeconds(), 2)}.${pad(at.getMilliseconds(), 3)}`;
  const fields = Object.entries(line.fields).map(([name, value]) => `${name}=${fieldText(value)}`);
  return [time, line.level.toUpperCase().padEnd(5), onOneLine(line.message), ...fields].join(' ');
}

const fieldText = (value: unknown): string =>
  typeof value === 'string' ? onOneLine(value) : JSON.stringify(visibleData(value));

/** Lines of a stack trace are indented, so that none of them looks like a line of the log. */
const onOneLine = (text: string): string => visibleLines(text).replaceAll('\n', '\n    ');

/** What goes into JSON, where a line break is written as `\n` anyway. */
const visibleFields = (fields: LogLine['fields']): LogLine['fields'] => visibleData(fields, visibleLines);

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
  return ({ level, fields, message }) => logger[level](visibleFields(fields), visibleLines(message));
}
