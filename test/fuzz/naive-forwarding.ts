// The forwarding rules once more, on strings and lists and with no thought of speed: what the encoder is
// compared with.
import type { RequestAdditions } from '#src/core/http1/forward-request-head.ts';

const hopByHop = ['connection', 'keep-alive', 'proxy-connection', 'te', 'upgrade'];
const forwarding = [
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-path',
  'forwarded',
  'x-real-ip',
  'x-request-id',
  'kong-debug',
];
const kept = ['host', 'content-length', 'transfer-encoding'];

type Field = readonly [name: string, value: string];
type Namings = readonly Field[];

const fieldsOf = (headers: readonly string[]): Field[] =>
  Array.from({ length: headers.length / 2 }, (_, index) => [
    headers[index * 2] as string,
    headers[index * 2 + 1] as string,
  ]);
const lower = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
const is = (field: Field, name: string): boolean => lower(field[0]) === name;
const holds = (fields: Namings, name: string): boolean => fields.some((field) => is(field, name));

function namedByConnection(fields: Namings): string[] {
  return fields
    .filter((field) => is(field, 'connection'))
    .flatMap((field) => field[1].split(',').map((option) => lower(option.replace(/^[ \t]+|[ \t]+$/g, ''))))
    .filter((option) => !kept.includes(option) && !option.startsWith('content-'));
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

export interface NaiveRequest {
  method: string;
  path: string;
  host: string;
  minorVersion: number;
  isAbsoluteForm: boolean;
  isUpgrade: boolean;
  headers: readonly string[];
}

/** The field list that must stand in the forwarded head, as name, value, …. */
export function forwardedHeaders(request: NaiveRequest, additions: RequestAdditions): string[] {
  const all = fieldsOf(request.headers);
  const named = namedByConnection(all);
  const override = additions.overrideHeader === null ? null : text(additions.overrideHeader);
  const passed = all.filter((field) => {
    const name = lower(field[0]);
    if (name === override || named.includes(name))
      return name === 'upgrade' && request.isUpgrade && name !== override;
    if (hopByHop.includes(name)) return name === 'upgrade' && request.isUpgrade;
    if (name === 'expect' && request.minorVersion === 0) return false;
    return additions.trusted || !forwarding.includes(name);
  });
  const ids = passed.filter((field) => is(field, 'x-request-id')).map((field) => field[1]);
  const requestId =
    ids.length === 1 && /^[A-Za-z0-9._~:+/=-]{1,128}$/.test(ids[0] ?? '')
      ? (ids[0] ?? '')
      : text(additions.requestId);
  const lastForwardedFor = passed.findLast((field) => is(field, 'x-forwarded-for'));
  const lines = passed
    .filter((field) => !is(field, 'x-request-id'))
    .map((field): Field => {
      if (is(field, 'host') && request.isAbsoluteForm) return ['Host', request.host];
      if (is(field, 'max-forwards') && ['TRACE', 'OPTIONS'].includes(request.method) && Number(field[1]) > 0)
        return ['Max-Forwards', String(Math.min(Number(field[1]), 65_535) - 1)];
      if (field !== lastForwardedFor) return field;
      return [field[0], [field[1], text(additions.peerAddress)].filter((part) => part !== '').join(', ')];
    });
  if (!holds(all, 'host')) {
    lines.unshift(['Host', request.isAbsoluteForm ? request.host : text(additions.hostWhenAbsent)]);
  }
  if (request.isUpgrade) lines.push(['Connection', 'Upgrade']);
  lines.push(...forwardingLines(lines, additions));
  if (request.host !== '' && !(additions.trusted && holds(passed, 'x-forwarded-host'))) {
    lines.push(['X-Forwarded-Host', request.host]);
  }
  lines.push(['Via', `1.${request.minorVersion} crossover`], ['X-Request-Id', requestId]);
  return lines.flat();
}

function forwardingLines(lines: Namings, additions: RequestAdditions): Field[] {
  if (!additions.trusted) {
    const complete = text(additions.forwardedLines).split('\r\n').slice(0, -1);
    return complete.map(
      (line): Field => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)],
    );
  }
  const said: Field[] = [
    ['X-Forwarded-For', text(additions.peerAddress)],
    ['X-Real-IP', text(additions.peerAddress)],
    ['X-Forwarded-Proto', text(additions.proto)],
    ['X-Forwarded-Port', text(additions.port)],
  ];
  return said.filter((field) => !holds(lines, lower(field[0])));
}

/** Path of the forwarded request line. */
export function forwardedPath(request: NaiveRequest): string {
  if (!request.isAbsoluteForm) return request.path;
  if (request.path === '') return request.method === 'OPTIONS' ? '*' : '/';
  return request.path.startsWith('/') ? request.path : `/${request.path}`;
}

/** The field list of a response after forwarding, without the Connection line that the proxy adds. */
export function forwardedResponseHeaders(
  headers: readonly string[],
  status: number,
  isUpgrade: boolean,
  dropChunked: boolean,
  clientMinorVersion: 0 | 1,
): string[] {
  const all = fieldsOf(headers);
  const named = namedByConnection(all);
  const hasNoBody = status < 200 || status === 204;
  return all
    .filter((field) => {
      const name = lower(field[0]);
      if (name === 'upgrade') return isUpgrade || (status === 426 && clientMinorVersion === 1);
      if (hopByHop.includes(name) || named.includes(name)) return false;
      if (hasNoBody && [...kept.slice(1), 'trailer'].includes(name)) return false;
      return !(dropChunked && (name === 'transfer-encoding' || name === 'trailer'));
    })
    .flat();
}
