import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readJson, readPrometheus, valueAt } from '#src/control-plane/outgoing/answer-value.ts';
import { fillQuery, fillUrl, queryUrl } from '#src/control-plane/outgoing/query-text.ts';

const vector = (...values: unknown[]) =>
  JSON.stringify({
    status: 'success',
    data: { resultType: 'vector', result: values.map((value) => ({ metric: {}, value: [1, value] })) },
  });

const readings: [name: string, status: number, text: string, expected: number | RegExp][] = [
  ['one series', 200, vector('1.5e2'), 150],
  ['a scalar', 200, '{"status":"success","data":{"resultType":"scalar","result":[1,"4"]}}', 4],
  ['no series', 200, vector(), /finds no series/],
  ['several series', 200, vector('1', '2', '3'), /finds 3 series, and one is needed/],
  ['NaN', 200, vector('NaN'), /the value is NaN, not a number/],
  ['infinity', 200, vector('+Inf'), /the value is \+Inf/],
  ['an empty value', 200, vector(''), /the value is empty/],
  ['a number where a text belongs', 200, vector(1), /without a value/],
  [
    'a matrix',
    200,
    '{"status":"success","data":{"resultType":"matrix","result":[]}}',
    /gives a matrix, not one/,
  ],
  [
    'an error',
    503,
    '{"status":"error","errorType":"timeout","error":"too slow"}',
    /Prometheus failed: too slow/,
  ],
  ['a page', 200, '<html>', /answered 200 without JSON/],
  ['nothing', 502, '', /answered 502 without JSON/],
  ['JSON of another kind', 200, '[1]', /answered 200/],
  ['null', 200, 'null', /without JSON/],
];
for (const [name, status, text, expected] of readings) {
  test(`a query result is read as it is when it is ${name}`, () => {
    const reading = readPrometheus(status, text);
    if (typeof expected === 'number') assert.deepEqual(reading, { ok: true, value: expected });
    else assert.match(reading.ok ? '' : reading.reason, expected);
  });
}

test('a query that Prometheus does not understand is told from trouble that passes', () => {
  const bad = readPrometheus(
    400,
    '{"status":"error","errorType":"bad_data","error":"parse error at char 4"}',
  );
  assert.deepEqual(bad, {
    ok: false,
    reason: 'Prometheus does not understand the query: parse error at char 4',
    unparsable: true,
  });
  assert.equal(readPrometheus(500, '').ok === false, true);
});

test('a number is found where the pointer says', () => {
  const text = '{"a/b": [{"~": 7}], "": 1, "s": "5", "n": null, "__proto__x": 2}';
  assert.deepEqual(readJson(200, text, '/a~1b/0/~0'), { ok: true, value: 7 });
  assert.deepEqual(readJson(200, '3', ''), { ok: true, value: 3 });
  const reason = (pointer: string, status = 200, body = text): string => {
    const reading = readJson(status, body, pointer);
    return reading.ok ? '' : reading.reason;
  };
  assert.match(reason('/s'), /has "5" at \/s, not a number/);
  assert.match(reason('/n'), /has null at \/n/);
  assert.match(reason('/a~1b/00'), /nothing at/);
  assert.match(reason('/toString'), /nothing at/);
  assert.match(reason('/s', 500), /it answered 500/);
  assert.match(reason('/s', 200, 'oops'), /not JSON/);
  assert.match(reason(''), /at the top, not a number/);
});

test('a pointer follows RFC 6901 in its examples', () => {
  const document = { foo: ['bar', 'baz'], '': 0, 'a/b': 1, 'c%d': 2, 'i\\j': 5, 'k"l': 6, ' ': 7, 'm~n': 8 };
  const cases: [string, unknown][] = [
    ['', document],
    ['/foo', document.foo],
    ['/foo/0', 'bar'],
    ['/', 0],
    ['/a~1b', 1],
    ['/c%d', 2],
    ['/i\\j', 5],
    ['/k"l', 6],
    ['/ ', 7],
    ['/m~0n', 8],
  ];
  for (const [pointer, value] of cases) assert.deepEqual(valueAt(document, pointer), value, pointer);
});

test('a label is escaped for where it goes', () => {
  const cluster = { name: 'x', label: 'old "3.4" & $& \\' } as const;
  assert.equal(
    fillQuery('up{c="{{cluster}}",l="{{label}}"}', cluster),
    'up{c="x",l="old \\"3.4\\" & $& \\\\"}',
  );
  assert.equal(
    fillUrl('http://a/{{cluster}}?l={{label}}', cluster),
    'http://a/x?l=old%20%223.4%22%20%26%20%24%26%20%5C',
  );
  assert.equal(queryUrl('http://a:9090/prom/', 'up + 1'), 'http://a:9090/prom/api/v1/query?query=up+%2B+1');
});
