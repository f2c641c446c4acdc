import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ChunkedDecoder } from '#src/core/http1/chunked-body.ts';
import {
  chunkExtensionBytesMax,
  chunkExtensionBytesPerBodyMax,
  chunkSizeDigitsMax,
  trailerBytesMax,
} from '#src/limits.ts';
import { bytesOf, feedChunked } from './codec-samples.ts';

const end = '0\r\n\r\n';

function expectInvalid(texts: readonly string[], error = 'chunkInvalid'): void {
  for (const text of texts) {
    const { answer, decoder } = feedChunked(text);
    assert.deepEqual(
      [answer, decoder.error, decoder.done],
      [-1, error, false],
      JSON.stringify(text.slice(0, 80)),
    );
  }
}

function expectValid(text: string, data: string): void {
  const { answer, decoder, data: found } = feedChunked(`${text}GET /next`);
  assert.deepEqual(
    [answer, decoder.error, decoder.done, found],
    [text.length, null, true, data],
    JSON.stringify(text.slice(0, 80)),
  );
}

describe('chunked body (RFC 9112 7.1)', () => {
  it('chunked body ends behind its last CRLF when more bytes follow', () => {
    expectValid(`5\r\nhello\r\n6\r\n world\r\n${end}`, 'hello world');
    expectValid(end, '');
  });

  it('chunk size is read when it is hex in any case, with leading zeros', () => {
    expectValid(`a\r\n0123456789\r\n${end}`, '0123456789');
    expectValid(`00A\r\n0123456789\r\n000\r\n\r\n`, '0123456789');
    expectValid(`${'1'.padStart(chunkSizeDigitsMax, '0')}\r\nx\r\n${end}`, 'x');
  });

  it('chunk size is refused when it is anything else', () => {
    const sizes = ['', ' 5', '5 ', '\t5', '+5', '-5', '0x5', '5h', 'g', '5\x00', '5,', '5\xa0'];
    expectInvalid(sizes.map((size) => `${size}\r\nhello\r\n${end}`));
    expectInvalid(['1'.padStart(chunkSizeDigitsMax + 1, '0'), 'f'.repeat(16)]);
  });

  it('line ends are refused when they are not CRLF', () => {
    expectInvalid([
      '5\nhello',
      '5\rhello',
      '5\r\r\nhello',
      '5\r\nhello\n',
      '5\r\nhello\rx',
      '5\r\nhelloX',
      '5\r\nhello0',
      '0\n',
      '0\r\n\n',
      '0\r\n\rx',
    ]);
  });

  it('chunk of 2^52 - 1 bytes is passed by arithmetic when it arrives in pieces', () => {
    const decoder = new ChunkedDecoder();
    const head = bytesOf('fffffffffffff\r\n');
    assert.equal(decoder.feed(head, 0, head.length, false), head.length);
    assert.equal(decoder.dataBytes, 2 ** 52 - 1);
    const piece = new Uint8Array(65_536);
    for (let count = 0; count < 1000; count++)
      assert.equal(decoder.feed(piece, 0, piece.length, false), 65_536);
    assert.equal(decoder.done, false);
  });
});

describe('chunk extensions (RFC 9112 7.1.1)', () => {
  it('extensions are skipped when they follow the grammar', () => {
    for (const extension of [';a', ';a=b', ';a;b', ';a="";b=c', ';a="x\\"\\\\; "', ';a="\xe9\t"']) {
      expectValid(`1${extension}\r\nx\r\n0${extension}\r\n\r\n`, 'x');
    }
  });

  it('white space in extensions is overwritten so that every reader takes what is left', () => {
    const kept: readonly (readonly [string, string])[] = [
      ['; a', ';__'],
      [' ;a', ';__'],
      ['\t ;a=b', ';_____'],
      [';a =b', ';a___'],
      [';a= b', ';a=__'],
      [';a=\t"b c";d', ';a=________'],
      [';a="b" ; c="d e"', ';a="b";_________'],
      [';a=b ;c', ';a=b___'],
      [';a="b c"', ';a="b c"'],
    ];
    for (const [extension, expected] of kept) {
      assert.equal(extension.length, expected.length);
      const text = `1${extension}\r\nx\r\n0${extension}\r\n\r\n`;
      for (let cut = 1; cut <= text.length; cut++) {
        const bytes = bytesOf(text);
        const decoder = new ChunkedDecoder();
        assert.equal(decoder.feed(bytes, 0, cut, false), cut);
        assert.equal(decoder.feed(bytes, cut, bytes.length, false), text.length);
        assert.equal(decoder.done, true);
        const left = Buffer.from(bytes).toString('latin1');
        assert.equal(left, `1${expected}\r\nx\r\n0${expected}\r\n\r\n`, `cut at ${cut}`);
      }
    }
  });

  it('extensions are refused when they do not', () => {
    const extensions = [
      ';',
      ';;a',
      ';a;',
      ';=b',
      ';a=',
      ';a=;b',
      ' ',
      '\t',
      ' a',
      '; ',
      '; ;a',
      ';a ',
      ';a b',
      ';a=b ',
      ';a=b c',
      ';a="b" ',
      ';a="b" c',
      ';a = ;b',
      ';a="b',
      ';a="b"c',
      ';a="\n"',
      ';a="\\\n"',
      ';a\nb',
      ';a=\x00',
      ';a="\x7f"',
      ';a\rb',
    ];
    expectInvalid(extensions.map((extension) => `1${extension}\r\nx\r\n${end}`));
  });

  it('extensions are refused when they are longer than the limits, per chunk and per body', () => {
    const extension = (bytes: number): string => `;${'a'.repeat(bytes - 1)}`;
    // The CR or the semicolon that ends an extension's part is not counted as a part of the size.
    expectValid(`1${extension(chunkExtensionBytesMax - 1)}\r\nx\r\n${end}`, 'x');
    expectInvalid([`1${extension(chunkExtensionBytesMax + 2)}\r\n`]);
    const chunk = `1${extension(200)}\r\nx\r\n`;
    const count = Math.floor(chunkExtensionBytesPerBodyMax / 200);
    expectValid(chunk.repeat(count - 1) + end, 'x'.repeat(count - 1));
    expectInvalid([chunk.repeat(count + 1) + end]);
  });
});

describe('trailers (RFC 9112 7.1.2)', () => {
  it('trailers are passed when they are strict field lines', () => {
    expectValid('0\r\nETag: "x"\r\nServer-Timing: a\r\nEmpty:\r\nX-Sum:\t1 \xe9\r\n\r\n', '');
    expectValid(`0\r\n${'x'.repeat(100)}: y\r\n\r\n`, '');
  });

  it('trailers are refused when a line is malformed', () => {
    expectInvalid(
      ['A : b', ': b', ' A: b', 'A: b\r\n c', 'A', 'A: \x00', 'A: b\rc', 'A: b\nB: c', 'A\x80: b'].map(
        (line) => `0\r\n${line}\r\n\r\n`,
      ),
    );
  });

  it('trailers are refused when they would change framing, routing, origin or identity', () => {
    const names = [
      'Content-Length',
      'TRANSFER-ENCODING',
      'host',
      'Connection',
      'Keep-Alive',
      'Proxy-Connection',
      'TE',
      'Upgrade',
      'Expect',
      'Trailer',
      'X-Forwarded-For',
      'X-Real-IP',
      'X-Request-Id',
      'Forwarded',
      'Kong-Debug',
      'Authorization',
      'Cookie',
      'Set-Cookie',
      'Content-Type',
      'Content-Encoding',
      'Content-Range',
    ];
    expectInvalid(names.map((name) => `0\r\n${name}: x\r\n\r\n`));
    expectValid('0\r\nHostt: x\r\nX-Forwarded-Fo: y\r\n\r\n', '');
  });

  it('trailers are refused when they are larger than the limit', () => {
    expectInvalid(
      [`0\r\nA: ${'b'.repeat(trailerBytesMax)}`, `0\r\n${'A: b\r\n'.repeat(trailerBytesMax / 6 + 1)}\r\n`],
      'trailersTooLarge',
    );
  });
});

describe('resuming', () => {
  const text = '5;a="b\\"c"\r\nhello\r\n00b\r\n 0123456789\r\n0\r\nX-Sum: 1\r\nY:\r\n\r\n';

  it('answer is the same when the body is cut anywhere', () => {
    for (let first = 1; first < text.length; first++) {
      for (let second = first; second < text.length; second += 7) {
        const { answer, data, decoder } = feedChunked(`${text}rest`, [first, second]);
        assert.deepEqual(
          [answer, data, decoder.done],
          [text.length, 'hello 0123456789', true],
          `${first},${second}`,
        );
      }
    }
  });

  it('error stays when the decoder is fed again, and goes when it is reset', () => {
    const decoder = new ChunkedDecoder();
    assert.equal(decoder.feed(bytesOf('x'), 0, 1, false), -1);
    assert.equal(decoder.feed(bytesOf(end), 0, end.length, false), -1);
    decoder.reset();
    assert.equal(decoder.feed(bytesOf(end), 0, end.length, false), end.length);
    assert.equal(decoder.done, true);
  });

  it('data ranges are all kept when one read holds more chunks than usual', () => {
    const { data, decoder } = feedChunked('1\r\nx\r\n'.repeat(500) + end);
    assert.equal(data, 'x'.repeat(500));
    assert.equal(decoder.dataBytes, 500);
  });

  it('data ranges are not collected when nobody asks', () => {
    const decoder = new ChunkedDecoder();
    const bytes = bytesOf(`1\r\nx\r\n${end}`);
    decoder.feed(bytes, 0, bytes.length, false);
    assert.equal(decoder.dataRangeCount, 0);
  });
});
