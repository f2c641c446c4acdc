// Validators of what a request carries. Bodies are JSON and taken strictly; query strings and parameters are
// text, and converted.
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';

/** As Fastify calls it: true, or what is wrong. */
type Validator = (data: unknown) => boolean | { readonly error: ErrorObject[] };

/**
 * Larger bodies are refused for their first mistake: to find each of half a million would hold up decisions
 * for a second.
 */
const thoroughCharactersMax = 16 * 1024;

const options = {
  verbose: true,
  strict: false,
  useDefaults: true,
  code: { optimize: false }, // the few requests cost less than the optimising
};

export class RequestValidators {
  readonly #strict = new Ajv(options);
  readonly #thorough = new Ajv({ ...options, allErrors: true });
  readonly #converting = new Ajv({ ...options, allErrors: true, coerceTypes: true });

  /**
   * What the validators are compiled from is not looked at before their first request: most routes have none
   * for days.
   */
  compile(schema: object, httpPart: string | undefined): Validator {
    return httpPart === 'body' ? this.#ofBody(schema) : this.#ofText(schema);
  }

  #ofText(schema: object): Validator {
    let converting: ValidateFunction | null = null;
    return (text) => {
      converting ??= this.#converting.compile(schema);
      return converting(text) || { error: converting.errors ?? [] };
    };
  }

  #ofBody(schema: object): Validator {
    let quick: ValidateFunction | null = null;
    let thorough: ValidateFunction | null = null;
    return (body) => {
      quick ??= this.#strict.compile(schema);
      if (quick(body)) return true;
      if (JSON.stringify(body).length > thoroughCharactersMax) return { error: quick.errors ?? [] };
      thorough ??= this.#thorough.compile(schema);
      thorough(body);
      return { error: thorough.errors ?? [] };
    };
  }
}
