// The kinds of values in the configuration's schema, each with its pattern and with the words for what is
// expected.
import { type TObject, type TProperties, Type } from 'typebox';
import { bytesPattern, durationPattern, percentPattern } from './units.ts';

export const tokenPattern = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";
/** Visible ASCII: what a header field can hold without being trimmed or changed. */
const visiblePattern = '^[\\x21-\\x7e]*$';

/**
 * `x-type` is the type in docs/config.md; `x-expected` completes an error message that begins with
 * "expected".
 */
export const hints = (type: string, expected: string) => ({ 'x-type': type, 'x-expected': expected });

/** A mapping with these settings; unknown keys are refused. */
export const section = <P extends TProperties>(description: string, properties: P): TObject<P> =>
  Type.Object(properties, { additionalProperties: false, description, ...hints('mapping', 'a mapping') });

const durationHints = hints('duration', 'a duration such as 250ms, 10s, 5m or 1h');
/** A duration that may be zero. */
export const duration = (fallback: string, description: string) =>
  Type.String({ pattern: durationPattern, default: fallback, description, ...durationHints });
export const positivePattern = `^(?=.*[1-9])${durationPattern.slice(1)}`;
export const positiveDurationHints = hints('duration', 'a duration above zero such as 250ms, 10s, 5m or 1h');
export const positiveDuration = (fallback: string, description: string) =>
  Type.String({ pattern: positivePattern, default: fallback, description, ...positiveDurationHints });

export const percentForms = [
  Type.String({ pattern: percentPattern }),
  Type.Number({ minimum: 0, exclusiveMaximum: 1 }),
] as const;
const percentHints = hints('percentage', 'a percentage such as 20% or 0.02%, or a fraction below 1');
export const percent = (fallback: string, description: string) =>
  Type.Union([...percentForms], { default: fallback, description, ...percentHints });

export const bytesForms = [Type.String({ pattern: bytesPattern }), Type.Integer({ minimum: 0 })] as const;
export const bytes = (fallback: string, description: string) =>
  Type.Union([...bytesForms], {
    default: fallback,
    description,
    ...hints('size', 'a size such as 64KiB, 1MiB or a number of bytes'),
  });

export const integer = (minimum: number, maximum: number, fallback: number, description: string) =>
  Type.Integer({
    minimum,
    maximum,
    default: fallback,
    description,
    ...hints('whole number', `a whole number from ${minimum} to ${maximum}`),
  });

export const factor = (fallback: number, description: string) =>
  Type.Number({
    minimum: 1,
    maximum: 1000,
    default: fallback,
    description,
    ...hints('number', 'a number of at least 1'),
  });

export const token = (description: string) =>
  Type.String({
    pattern: tokenPattern,
    description,
    ...hints('name', "a name of letters, digits and !#$%&'*+-.^_`|~"),
  });

export const secret = (description: string) =>
  Type.String({
    pattern: visiblePattern,
    default: '',
    description,
    'x-secret': true,
    ...hints('text', 'visible ASCII characters without spaces'),
  });

export const choice = <const T extends string[]>(
  values: readonly [...T],
  fallback: T[number],
  description: string,
) =>
  Type.Enum(values, {
    default: fallback,
    description,
    ...hints(values.map((value) => `\`${value}\``).join(' or '), values.join(' or ')),
  });

export const address = (description: string, fallback?: string) =>
  Type.String({
    ...(fallback === undefined ? {} : { default: fallback }),
    description,
    ...hints('host:port', 'host:port, such as 127.0.0.1:9900'),
  });
