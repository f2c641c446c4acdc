import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Framing } from '#src/core/http1/framing.ts';
import { parseRequestHead, RequestHead, scanHead } from '#src/core/http1/request-head.ts';
import { connectionOptionsMax, leadingBlankLinesMax, targetBytesMax } from '#src/limits.ts';
import { bytesOf, limits, parseRequest, textOf, verdictOn, withFields } from './codec-samples.ts';

const simple = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** Each text gets its own verdict, so that a failure names the text. */
function expectAll(verdict: string, texts: readonly string[]): void {
  for (const text of texts) assert.equal(verdictOn(text), verdict, JSON.stringify(text));
}

describe('request head (RFC 9112 2.2)', () => {
  it('request head is complete at the blank line when more bytes follow', () => {
    const { answer, head } = parseRequest(`${simple}GET /next`);
    assert.equal(answer, simple.length);
    assert.equal(head.headEnd, simple.length);
  });

  it('request head is incomplete for every shorter piece when it is valid', () => {
    const text = '\r\nPOST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n';
    for (let end = 0; end < text.length; end++) assert.equal(verdictOn(text.slice(0, end)), 'incomplete');
  });

  it('leading blank lines are skipped when there are no more than the limit', () => {
    const blank = '\r\n'.repeat(leadingBlankLinesMax);
    const { head, bytes } = parseRequest(blank + simple);
    assert.equal(textOf(bytes, head.start, head.methodEnd), 'GET');
    assert.equal(verdictOn(`\r\n${blank}`), 'requestLineInvalid');
  });

  it('bare LF is refused at its first byte wherever it stands', () => {
    expectAll('requestLineInvalid', ['\n', 'GET /\n', 'GET / HTTP/1.1\n', '\r\n\n']);
    expectAll('headerInvalid', [
      'GET / HTTP/1.1\r\n\n',
      'GET / HTTP/1.1\r\nHost: a\n',
      'GET / HTTP/1.1\r\nHost\n',
    ]);
  });

  it('bare CR is refused at the byte behind it', () => {
    expectAll('requestLineInvalid', ['\rG', 'GET /\rx', 'GET / HTTP/1.1\rx']);
    expectAll('headerInvalid', ['GET / HTTP/1.1\r\nHost: a\rb', 'GET / HTTP/1.1\r\nHost: a\r\n\rx']);
  });

  it('bytes that are no HTTP are refused before any line ends', () => {
    expectAll('requestLineInvalid', [
      '\x16\x03\x01',
      '\x00',
      'SSH-2.0',
      '{"a":1}',
      ' GET / HTTP/1.1',
      'get / HTTP/1.1',
    ]);
    assert.equal(verdictOn(`${'A'.repeat(32)} / HTTP/1.0\r\n\r\n`), 'accepted');
    assert.equal(verdictOn('A'.repeat(33)), 'requestLineInvalid');
  });
});

describe('request line (RFC 9112 3)', () => {
  it('request line is split into method, target and version when spaces are single', () => {
    const { head, bytes } = parseRequest('M-SEARCH /a/b?c=%20 HTTP/1.0\r\n\r\n');
    assert.equal(textOf(bytes, head.start, head.methodEnd), 'M-SEARCH');
    assert.equal(textOf(bytes, head.targetStart, head.targetEnd), '/a/b?c=%20');
    assert.equal(head.minorVersion, 0);
  });

  it('request line is refused when its white space is anything else', () => {
    expectAll('requestLineInvalid', [
      'GET\t/ HTTP/1.1\r\n',
      'GET / HTTP/1.1 \r\n',
      'GET /  HTTP/1.1\r\n',
      'GET /\r\n',
    ]);
    expectAll('requestTargetInvalid', ['GET  / HTTP/1.1\r\n', 'GET /a\tHTTP/1.1\r\n']);
  });

  it('methods are told apart by case and length when they are classified', () => {
    const flags = (method: string): string => {
      const { head } = parseRequest(`${method} / HTTP/1.0\r\n\r\n`);
      return [head.isHead && 'head', head.isOptions && 'options', head.isIdempotent && 'idempotent']
        .filter(Boolean)
        .join();
    };
    for (const method of ['GET', 'PUT', 'DELETE', 'TRACE']) assert.equal(flags(method), 'idempotent', method);
    assert.equal(flags('HEAD'), 'head,idempotent');
    assert.equal(flags('OPTIONS'), 'options,idempotent');
    for (const method of ['POST', 'PATCH', 'GEX', 'HEAX', 'OPTIONX', 'PURGE', 'UPDATEREDIRECTREF']) {
      assert.equal(flags(method), '', method);
    }
  });

  it('CONNECT is refused as a method when its target is not even read', () => {
    assert.equal(verdictOn('CONNECT a:443 HTTP/1.1\r\n'), 'methodNotSupported');
    assert.equal(verdictOn('CONNECT '), 'methodNotSupported');
  });
});

describe('request target (RFC 9112 3.2)', () => {
  const target = (text: string): Record<string, unknown> => {
    const { head, bytes } = parseRequest(`GET ${text} HTTP/1.1\r\nHost: field:1\r\n\r\n`);
    return {
      path: textOf(bytes, head.pathStart, head.pathEnd),
      host: textOf(bytes, head.hostStart, head.hostEnd),
      isAbsoluteForm: head.isAbsoluteForm,
      error: head.error,
    };
  };

  it('origin-form is its own path when it holds any visible ASCII but #', () => {
    const text = '/!"$%&\'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~//..';
    assert.deepEqual(target(text), { path: text, host: 'field:1', isAbsoluteForm: false, error: null });
  });

  it('absolute-form overrides Host when the scheme is http or https', () => {
    const absolute = (path: string, host: string): object => ({
      path,
      host,
      isAbsoluteForm: true,
      error: null,
    });
    assert.deepEqual(target('http://t/p?q'), absolute('/p?q', 't'));
    assert.deepEqual(target('HTTPS://[::1]:80/'), absolute('/', '[::1]:80'));
    assert.deepEqual(target('http://t'), absolute('', 't'));
    assert.deepEqual(target('http://t?q'), absolute('?q', 't'));
  });

  it('asterisk-form is accepted with OPTIONS only', () => {
    assert.equal(verdictOn('OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n'), 'accepted');
    expectAll('requestTargetInvalid', [
      'GET * HTTP/1.1\r\n',
      'OPTIONS ** HTTP/1.1\r\n',
      'OPTIONX * HTTP/1.1\r\n',
    ]);
  });

  it('target is refused when it is in no known form or holds a forbidden byte', () => {
    const forbidden = ['#', '\x00', '\x1f', '\x7f', '\t'].map((byte) => `/a${byte}b`);
    const malformed = [
      'a',
      'http:/a',
      'http://',
      'http:///p',
      'http://u@h/',
      'ftp://a/',
      'http://a:x/',
      'a:80',
      'a:5999',
      'a:65535',
      '',
    ];
    for (const text of [...forbidden, ...malformed]) {
      assert.equal(target(text).error, 'requestTargetInvalid', JSON.stringify(text));
    }
  });

  it('target longer than the limit is refused before its end is seen', () => {
    const longest = `/${'a'.repeat(targetBytesMax - 1)}`;
    assert.equal(verdictOn(`GET ${longest} HTTP/1.0\r\n\r\n`), 'accepted');
    assert.equal(verdictOn(`GET ${longest}`), 'incomplete');
    assert.equal(verdictOn(`GET ${longest}a`), 'targetTooLong');
  });
});

describe('HTTP version (RFC 9112 2.3)', () => {
  it('version is treated as 1.1 when its minor is higher', () => {
    for (const minor of ['1', '2', '9']) {
      const { head } = parseRequest(
        withFields('', `GET / HTTP/1.${minor}`).replace('\r\n\r\n\r\n', '\r\n\r\n'),
      );
      assert.deepEqual([head.error, head.minorVersion, head.keepAlive], [null, 1, true], minor);
    }
  });

  it('version is refused as unsupported when it is well-formed, as malformed when it is not', () => {
    const versions = ['HTTP/0.9', 'HTTP/2.0', 'HTTP/9.9'].map((version) => `GET / ${version}\r\n`);
    expectAll('versionNotSupported', versions);
    const malformed = [
      'http/1.1',
      'HTTP/1',
      'HTTP/1.10',
      'HTTP/11',
      'HTTP/01.1',
      'HTTPS/1.1',
      'HTTP/+1.1',
      'ICE/1.0',
      '',
    ];
    expectAll(
      'requestLineInvalid',
      malformed.map((version) => `GET / ${version}\r\n`),
    );
  });
});

describe('field lines (RFC 9112 5)', () => {
  it('field lines are delimited and trimmed when white space is SP or HTAB', () => {
    const { head, bytes } = parseRequest(withFields('A:b\r\nC: \t d e\t \r\nEmpty:\r\nX_y: \xe9\xff'));
    const slices = Array.from({ length: head.fieldCount }, (_, index) =>
      [0, 2].map((part) =>
        textOf(bytes, head.fields[index * 5 + part] ?? 0, head.fields[index * 5 + part + 1] ?? 0),
      ),
    );
    assert.deepEqual(slices, [
      ['Host', 'a'],
      ['A', 'b'],
      ['C', 'd e'],
      ['Empty', ''],
      ['X_y', '\xe9\xff'],
    ]);
  });

  it('field name is accepted when every byte is a token character, refused else', () => {
    for (let byte = 0; byte < 256; byte++) {
      const character = String.fromCharCode(byte);
      const isToken = /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(character);
      const isColon = character === ':';
      const verdict = verdictOn(withFields(`x${character}y: z`));
      assert.equal(verdict, isToken || isColon ? 'accepted' : 'headerInvalid', `byte ${byte}`);
    }
  });

  it('field value is accepted when no byte is a control character, refused else', () => {
    for (const padding of ['', 'aaaa', 'aaaaaaaaaaaa']) {
      for (let byte = 0; byte < 256; byte++) {
        const isValue = byte === 9 || (byte >= 32 && byte !== 127);
        const verdict = verdictOn(withFields(`x: a${padding}${String.fromCharCode(byte)}${padding}b`));
        assert.equal(
          verdict,
          isValue ? 'accepted' : 'headerInvalid',
          `byte ${byte} behind ${padding.length}`,
        );
      }
    }
  });

  it('field line is refused when it is folded, has no name, or has space before its colon', () => {
    const lines = [
      'A: b\r\n c',
      'A: b\r\n\tc',
      ' A: b',
      ': b',
      'A : b',
      'A\t: b',
      'A',
      'A\r\nB: c',
      'A:\r\n : b',
    ];
    expectAll(
      'headerInvalid',
      lines.map((line) => withFields(line)),
    );
  });

  it('field lines beyond the limit are refused when the next one begins', () => {
    const twoFields = { headBytes: 1000, headerCount: 2 };
    assert.equal(verdictOn(withFields('A: b'), twoFields), 'accepted');
    assert.equal(verdictOn('GET / HTTP/1.1\r\nA: b\r\nC: d\r\nE', twoFields), 'tooManyHeaders');
  });

  it('many field lines are all found when the usual array is too small', () => {
    const lines = Array.from({ length: 99 }, (_, index) => `N${index}: v`).join('\r\n');
    const { head, bytes } = parseRequest(withFields(lines));
    assert.equal(head.fieldCount, 100);
    for (let index = 0; index < 99; index++) {
      assert.equal(head.findField(bytes, bytesOf(`n${index}`)), index + 1);
    }
  });

  it('head larger than the limit is refused when the limit is reached, not later', () => {
    const exact = { headBytes: simple.length, headerCount: 10 };
    assert.equal(verdictOn(simple, exact), 'accepted');
    const small = { headBytes: simple.length - 1, headerCount: 10 };
    assert.equal(verdictOn(simple, small), 'headerTooLarge');
    assert.equal(verdictOn(simple.slice(0, -1), small), 'headerTooLarge');
    assert.equal(verdictOn(simple.slice(0, -2), small), 'incomplete');
    assert.equal(verdictOn(`GET /${'a'.repeat(50)}`, small), 'targetTooLong');
  });

  it('findField finds the first field of a name when case differs, and no name of Object', () => {
    const { head, bytes } = parseRequest(withFields('COOKIE: 1\r\ncookie: 2\r\n__proto__: 3'));
    assert.equal(head.findField(bytes, bytesOf('cookie')), 1);
    assert.equal(head.findField(bytes, bytesOf('__proto__')), 3);
    assert.equal(head.findField(bytes, bytesOf('constructor')), -1);
  });

  it('names are compared byte by byte when only bit 5 or the length differs', () => {
    const { head, bytes } = parseRequest(withFields('x^a: 1\r\nx~ab: 1\r\nCookie2: 1'));
    for (const name of ['x~a', 'x^ab', 'cookie'])
      assert.equal(head.findField(bytes, bytesOf(name)), -1, name);
  });
});

describe('Host (RFC 9112 3.2)', () => {
  const withHost = (host: string): string => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`;

  it('Host is accepted when it is a name, an address or empty, with or without a port', () => {
    const hosts = [
      'a',
      'A.b-c_d~1',
      'a:80',
      'a:',
      '127.0.0.1:8000',
      '[::1]',
      '[2001:db8::1.2.3.4]:443',
      '',
      'a%2Fb',
      "!$&'()*+,;=",
    ];
    expectAll('accepted', hosts.map(withHost));
  });

  it('Host is refused when it is anything else', () => {
    const hosts = [
      'a b',
      'u@h',
      'a/b',
      'a?b',
      'a#b',
      'a\\b',
      'a:b',
      'a:80:80',
      'a:65536',
      'a:99999',
      'a:123456',
      ':80',
      '[::1',
      '::1',
      '[]',
      '[a]',
      '[::1%25eth0]',
      '[::1]x',
      'a%',
      'a%2',
      'a%zz',
      'a\xe9',
      'a"b',
      '<a>',
      'a|b',
      'a,b c',
    ];
    expectAll('hostInvalid', hosts.map(withHost));
  });

  it('Host is required on HTTP/1.1 and never taken twice', () => {
    assert.equal(verdictOn('GET / HTTP/1.1\r\n\r\n'), 'hostInvalid');
    assert.equal(verdictOn('GET http://t/ HTTP/1.1\r\n\r\n'), 'hostInvalid');
    assert.equal(verdictOn('GET / HTTP/1.1\r\nHost: a\r\nhOST: a\r\n\r\n'), 'hostInvalid');
    assert.equal(verdictOn('GET http://t/ HTTP/1.1\r\nHost: a b\r\n\r\n'), 'hostInvalid');
    const { head } = parseRequest('GET / HTTP/1.0\r\n\r\n');
    assert.equal(head.error, null);
    assert.equal(head.hostStart, head.hostEnd);
  });
});

describe('message body length (RFC 9112 6)', () => {
  it('Content-Length frames the body when it is digits', () => {
    for (const [text, length] of [
      ['0', 0],
      ['5', 5],
      ['\t007 \t', 7],
      ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ] as const) {
      const { head } = parseRequest(withFields(`Content-Length: ${text}`));
      assert.deepEqual([head.error, head.framing, head.contentLength], [null, Framing.length, length], text);
    }
  });

  it('Content-Length is refused when it is not one run of digits, too large, or there twice', () => {
    const values = [
      '',
      '-1',
      '+5',
      '0x5',
      '5e0',
      '5.0',
      '5 5',
      '5,5',
      '5, 5',
      '5;',
      '9007199254740992',
      '18446744073709551616',
      '1'.repeat(400),
      '\xb9',
      '5\xa0',
    ];
    const texts = values.map((value) => withFields(`Content-Length: ${value}`));
    expectAll('contentLengthInvalid', [...texts, withFields('Content-Length: 5\r\ncontent-length: 5')]);
    assert.equal(verdictOn(withFields('Content-Length: \x0b5')), 'headerInvalid');
  });

  it('Transfer-Encoding frames the body when it is exactly chunked on HTTP/1.1', () => {
    for (const value of ['chunked', 'Chunked', ' \tCHUNKED  ']) {
      const { head } = parseRequest(withFields(`Transfer-Encoding:${value}`));
      assert.deepEqual([head.error, head.framing, head.contentLength], [null, Framing.chunked, 0], value);
    }
  });

  it('Transfer-Encoding is refused when it is anything else', () => {
    const values = [
      '',
      'identity',
      'gzip',
      'chunked, gzip',
      'chunked, chunked',
      'gzip, chunked, chunked',
      'gzip,, chunked',
      'gzip;q=1, chunked',
      ', chunked',
      'chunked,',
      ',chunked',
      'chunked;q=1',
      'xchunked',
      'chunked\xa0',
      '"chunked"',
      'chun\xe2\x84\xaaed',
    ];
    expectAll(
      'transferEncodingInvalid',
      values.map((value) => withFields(`Transfer-Encoding: ${value}`)),
    );
    expectAll('transferEncodingInvalid', [
      withFields('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked'),
      withFields('Transfer-Encoding: chunked', 'POST / HTTP/1.0'),
    ]);
  });

  it('Transfer-Encoding is refused as not supported when another coding is under chunked', () => {
    expectAll(
      'transferCodingNotSupported',
      ['gzip, chunked', 'gzip,Chunked', 'x-a,b , \tchunked'].map((value) =>
        withFields(`Transfer-Encoding: ${value}`),
      ),
    );
  });

  it('framing fields are known to be written anew when a tab stands around their value', () => {
    const isTabbed = (field: string): boolean => parseRequest(withFields(field)).head.hasTabbedFraming;
    for (const value of ['\tchunked', 'chunked\t', ' \t chunked', 'chunked \t '])
      assert.equal(isTabbed(`Transfer-Encoding:${value}`), true, JSON.stringify(value));
    for (const value of ['\t5', '5\t', '5 \t']) assert.equal(isTabbed(`Content-Length:${value}`), true);
    assert.equal(isTabbed('Transfer-Encoding:  chunked '), false);
    assert.equal(isTabbed('Content-Length: 5'), false);
    assert.equal(isTabbed('X:\ty'), false);
  });

  it('Max-Forwards is read when the method is TRACE or OPTIONS, and refused when it is no number', () => {
    const read = (method: string, value: string): unknown => {
      const { head } = parseRequest(withFields(`Max-Forwards: ${value}`, `${method} / HTTP/1.1`));
      return head.error ?? head.maxForwards;
    };
    assert.deepEqual(
      [read('TRACE', '0'), read('OPTIONS', '010'), read('OPTIONS', '9'.repeat(40)), read('GET', 'x')],
      [0, 10, 65_535, -1],
    );
    for (const value of ['', '-1', '+1', '1.5', '0x1', '1, 2', '1\r\nMax-Forwards: 1'])
      assert.equal(read('TRACE', value), 'headerInvalid', JSON.stringify(value));
  });

  it('Content-Length with Transfer-Encoding is refused as ambiguous in either order', () => {
    expectAll('framingAmbiguous', [
      withFields('Content-Length: 5\r\nTransfer-Encoding: chunked'),
      withFields('Transfer-Encoding: chunked\r\nContent-Length: 5'),
      withFields('Transfer-Encoding: x\r\nContent-Length: y'),
    ]);
  });

  it('fields that look like framing fields are ordinary when one byte differs', () => {
    const { head } = parseRequest(
      withFields('Content_Length: 5\r\nContent-Lengt\x60: 5\r\nTransfer-Encodinh: x\r\nContent-Length-: 5'),
    );
    assert.deepEqual([head.error, head.framing], [null, Framing.none]);
  });
});

describe('persistence (RFC 9112 9.3)', () => {
  const keepAlive = (version: string, connection: string): boolean =>
    parseRequest(`GET / HTTP/${version}\r\nHost: a\r\n${connection}\r\n`).head.keepAlive;

  it('connection persists by version and options when the client asks', () => {
    assert.equal(keepAlive('1.1', ''), true);
    assert.equal(keepAlive('1.1', 'Connection: x, CLOSE\r\n'), false);
    assert.equal(keepAlive('1.1', 'Connection: keep-alive\r\nConnection:close\r\n'), false);
    assert.equal(keepAlive('1.1', 'Connection: closed, x-close\r\n'), true);
    assert.equal(keepAlive('1.0', ''), false);
    assert.equal(keepAlive('1.0', 'Connection: Keep-Alive\r\n'), true);
    assert.equal(keepAlive('1.0', 'Connection: keep-alive, close\r\n'), false);
  });

  it('Proxy-Connection closes but never persists, as llhttp reads it', () => {
    assert.equal(keepAlive('1.1', 'Proxy-Connection: close\r\n'), false);
    assert.equal(keepAlive('1.0', 'Proxy-Connection: keep-alive\r\n'), false);
  });

  it('connection options beyond the limit are refused', () => {
    const options = (count: number): string => withFields(`Connection: ${'a,'.repeat(count)}`);
    assert.equal(verdictOn(options(connectionOptionsMax)), 'accepted');
    assert.equal(verdictOn(options(connectionOptionsMax + 1)), 'headerInvalid');
  });
});

describe('Expect (RFC 9110 10.1.1)', () => {
  const expects = (text: string): boolean => parseRequest(text).head.hasExpectContinue;

  it('Expect is honoured when a body follows on HTTP/1.1', () => {
    assert.equal(expects(withFields('Expect: 100-Continue\r\nContent-Length: 1')), true);
    assert.equal(expects(withFields('Expect: 100-continue\r\nTransfer-Encoding: chunked')), true);
    assert.equal(expects(withFields('Expect: 100-continue')), false);
    assert.equal(expects(withFields('Expect: 100-continue\r\nContent-Length: 0')), false);
  });

  it('Expect is ignored on HTTP/1.0 and refused when it is not known', () => {
    const old = withFields('Expect: anything\r\nContent-Length: 1', 'POST / HTTP/1.0');
    assert.equal(verdictOn(old), 'accepted');
    assert.equal(expects(old), false);
    expectAll('expectationInvalid', [
      withFields('Expect: 100-continue, x'),
      withFields('Expect: 100-continue\r\nExpect: y'),
    ]);
  });
});

describe('Upgrade (RFC 9110 7.8)', () => {
  const isUpgrade = (fields: string, line = 'GET / HTTP/1.1'): boolean =>
    parseRequest(withFields(fields, line)).head.isUpgrade;

  it('upgrade is asked for when Connection names it and the protocol is not h2c', () => {
    assert.equal(isUpgrade('Connection: keep-alive, Upgrade\r\nUpgrade: websocket'), true);
    assert.equal(isUpgrade('Upgrade: websocket'), false);
    assert.equal(isUpgrade('Connection: upgrade'), false);
    assert.equal(isUpgrade('Connection: upgrade\r\nUpgrade:'), false);
    assert.equal(isUpgrade('Connection: upgrade\r\nUpgrade: h2c'), false);
    assert.equal(isUpgrade('Connection: upgrade\r\nUpgrade: websocket, H2C'), false);
    assert.equal(isUpgrade('Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c'), false);
  });

  it('upgrade is not asked for when the request has a body or is HTTP/1.0', () => {
    const asked = 'Connection: upgrade\r\nUpgrade: websocket';
    assert.equal(isUpgrade(`${asked}\r\nContent-Length: 1`), false);
    assert.equal(isUpgrade(`${asked}\r\nContent-Length: 0`), true);
    assert.equal(isUpgrade(`${asked}\r\nTransfer-Encoding: chunked`), false);
    assert.equal(isUpgrade(asked, 'GET / HTTP/1.0'), false);
  });
});

describe('reuse and resuming', () => {
  it('nothing of the last request is left when the head object is used again', () => {
    const full =
      'POST http://t/ HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n';
    const reused = new RequestHead();
    assert.ok(parseRequestHead(bytesOf(full), 0, full.length, reused, limits) > 0);
    assert.equal(parseRequestHead(bytesOf('\x00'), 0, 1, reused, limits), -1);
    const bytes = bytesOf(simple);
    assert.ok(parseRequestHead(bytes, 0, bytes.length, reused, limits) > 0);
    const fresh = new RequestHead();
    parseRequestHead(bytes, 0, bytes.length, fresh, limits);
    reused.fields.fill(0, fresh.fieldCount * 5);
    assert.deepEqual({ ...reused }, { ...fresh });
  });

  it('offsets are into the given bytes when the head does not start at 0', () => {
    const bytes = bytesOf(`xxxxxxx${simple}yyy`);
    const head = new RequestHead();
    assert.equal(parseRequestHead(bytes, 7, bytes.length, head, limits), 7 + simple.length);
    assert.equal(textOf(bytes, head.hostStart, head.hostEnd), 'a');
  });

  it('bytes behind the end are not read when the head is incomplete there', () => {
    const bytes = bytesOf(`${simple}`);
    assert.equal(parseRequestHead(bytes, 0, bytes.length - 1, new RequestHead(), limits), 0);
  });

  it('scanHead asks for a parse only when a line ends, a control character comes or the limit is reached', () => {
    const bytes = bytesOf('GET / HTTP/1.1\r\nHost: a');
    for (let end = 1; end < bytes.length; end++) {
      const isLineEnd = bytes[end - 1] === 0x0a;
      assert.equal(scanHead(bytes, 0, end - 1, end, limits), isLineEnd ? end : 0, `byte ${end}`);
    }
    assert.equal(scanHead(bytes, 0, 2, 5, { headBytes: 5, headerCount: 1 }), 5);
    assert.equal(scanHead(bytesOf('GET\x00'), 0, 3, 4, limits), 4);
    assert.equal(scanHead(bytesOf('GET /\rx'), 0, 6, 7, limits), 7);
  });

  it('a sender of single bytes costs few parses when scanHead is asked first', () => {
    const bytes = bytesOf(withFields(`X: ${'a'.repeat(20_000)}`));
    const head = new RequestHead();
    let parses = 0;
    let answer = 0;
    for (let end = 1; end <= bytes.length; end++) {
      if (scanHead(bytes, 0, end - 1, end, limits) === 0) continue;
      parses++;
      answer = parseRequestHead(bytes, 0, end, head, limits);
    }
    assert.equal(answer, bytes.length);
    assert.ok(parses <= 4, `${parses} parses`);
  });
});
