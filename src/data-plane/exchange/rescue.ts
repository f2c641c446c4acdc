// The one place where a failure becomes a response: status, words and code from the catalog, a short JSON
// body, and whether the connection closes.
import { type ProxyErrorName, proxyErrors } from '#src/base/error-catalog.ts';

/** Seconds a client is asked to wait when the trouble is likely to pass. */
const retryAfterSeconds = 1;
const reasons: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  414: 'URI Too Long',
  417: 'Expectation Failed',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
};

interface RescueOptions {
  readonly requestId: string;
  readonly keepAlive: boolean;
  /** HTTP/1.0 clients need to be told of keep-alive, 1.1 clients of close. */
  readonly minorVersion: 0 | 1;
  /** A response to HEAD has the header of its body and no body. */
  readonly isHead: boolean;
}

/** The complete response to a request that failed with `name`, as latin1 text. */
export function rescueResponse(name: ProxyErrorName, options: RescueOptions): string {
  const { status, code, title } = proxyErrors[name];
  const body = `${JSON.stringify({ code, message: title, requestId: options.requestId })}\n`;
  const retry = status === 503 ? `Retry-After: ${retryAfterSeconds}\r\n` : '';
  const allow = status === 405 ? 'Allow: GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS, TRACE\r\n' : '';
  const connection = options.keepAlive
    ? options.minorVersion === 0
      ? 'Connection: keep-alive\r\n'
      : ''
    : 'Connection: close\r\n';
  const head =
    `HTTP/1.1 ${status} ${reasons[status] ?? 'Error'}\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${body.length}\r\nDate: ${new Date().toUTCString()}\r\n` +
    `X-Request-Id: ${options.requestId}\r\n${retry}${allow}${connection}\r\n`;
  return options.isHead ? head : head + body;
}
