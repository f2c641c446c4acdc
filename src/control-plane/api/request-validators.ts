// Validators of what a request carries. Bodies are JSON and taken strictly; query strings and parameters are text, and converted.
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';

/** As Fastify calls it: true, or what is wrong. */
type Validator = (data: unknown) => boolean | { readonly error: ErrorObject[] };

/** Larger bodies are refused for their first mistake: to find each of half a million would hold up decisions for a second. */
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

  compile(schema: object, httpPart: string | undefined): Validator {
    return httpPart === 'body' ? this.#ofBody(schema) : this.#converting.compile(schema);
  }

  #ofBody(schema: object): Validator {
    const quick = this.#strict.compile(schema);
    let thorough: ValidateFunction | null = null;
    return (body) => {
      if (quick(body)) return true;
      if (JSON.stringify(body).length > thoroughCharactersMax) return { error: quick.errors ?? [] };
      thorough ??= this.#thorough.compile(schema);
      thorough(body);
      return { error: thorough.errors ?? [] };
    };
  }
}
