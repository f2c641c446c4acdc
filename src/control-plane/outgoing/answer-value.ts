// One number out of an answer: a Prometheus query result, or a place in a JSON document. Anything but exactly
// one finite number is a problem in words.

export type Reading =
  | { readonly ok: true; readonly value: number }
  /** `unparsable`: the query itself is wrong and will stay so. */
  | { readonly ok: false; readonly reason: string; readonly unparsable: boolean };

const trouble = (reason: string, unparsable = false): Reading => ({ ok: false, reason, unparsable });

const shownMax = 200;
/** Another system's words, shortened to fit into a line of the record. */
export const quoted = (text: string): string =>
  text
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, shownMax);

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/**
 * The answer of Prometheus' `/api/v1/query`.
 * https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries
 */
export function readPrometheus(status: number, text: string): Reading {
  const answer = parseJson(text);
  if (!isObject(answer)) return trouble(`Prometheus answered ${status} without JSON`);
  if (answer.status === 'error') {
    const unparsable = answer.errorType === 'bad_data';
    const kind = unparsable ? 'Prometheus does not understand the query' : 'Prometheus failed';
    return trouble(`${kind}: ${quoted(String(answer.error))}`, unparsable);
  }
  const data = answer.data;
  if (status !== 200 || answer.status !== 'success' || !isObject(data))
    return trouble(`Prometheus answered ${status}`);
  if (data.resultType === 'scalar') return sampleValue(data.result);
  if (data.resultType !== 'vector' || !Array.isArray(data.result))
    return trouble(`the query gives a ${quoted(String(data.resultType))}, not one number`, true);
  if (data.result.length === 0) return trouble('the query finds no series');
  if (data.result.length > 1) {
    return trouble(
      `the query finds ${data.result.length} series, and one is needed: wrap it in sum() or the like`,
    );
  }
  const series: unknown = data.result[0];
  return isObject(series)
    ? sampleValue(series.value)
    : trouble('Prometheus answered a series without a value');
}

/** A sample is [time, "value"]. */
function sampleValue(sample: unknown): Reading {
  const text: unknown = Array.isArray(sample) ? sample[1] : undefined;
  if (typeof text !== 'string') return trouble('Prometheus answered a sample without a value');
  const value = Number(text);
  return text !== '' && Number.isFinite(value)
    ? { ok: true, value }
    : trouble(`the value is ${quoted(text) || 'empty'}, not a number`);
}

/** The number at a JSON pointer (RFC 6901). */
export function readJson(status: number, text: string, pointer: string): Reading {
  if (status < 200 || status > 299) return trouble(`it answered ${status}`);
  const document = parseJson(text);
  if (document === undefined) return trouble('it answered something that is not JSON');
  const value = valueAt(document, pointer);
  if (value === undefined) return trouble(`its answer has nothing at ${pointer || 'the top'}`);
  if (typeof value !== 'number' || !Number.isFinite(value))
    return trouble(
      `its answer has ${quoted(JSON.stringify(value) ?? 'nothing')} at ${pointer || 'the top'}, not a number`,
    );
  return { ok: true, value };
}

/** RFC 6901 4: `~1` is a slash and `~0` a tilde, in this order; array indexes have no leading zeros. */
export function valueAt(document: unknown, pointer: string): unknown {
  let value = document;
  for (const token of pointer.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(value))
      value = /^(0|[1-9]\d*)$/.test(key) ? (value[Number(key)] as unknown) : undefined;
    else value = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  }
  return value;
}
