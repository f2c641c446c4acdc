// Refusals of the control API as RFC 9457 problem details: the one place where an error becomes a response.
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { type ApiErrorName, apiErrors, type CatalogError } from '#src/base/error-catalog.ts';
import type { Role } from '#src/config/control-config.ts';
import type { StoreResult } from '#src/record/store-result.ts';
import { mistakesOf, sentenceOf } from './invalid-request.ts';

const problemContentType = 'application/problem+json; charset=utf-8';

interface ProblemExtras {
  readonly errors?: readonly unknown[];
  /** The resource as it is, for a refused change. */
  readonly current?: unknown;
  readonly retryAfterSeconds?: number;
  readonly allow?: string;
  /** What the request would have needed. */
  readonly requiredRole?: Role;
}

/** Thrown by handlers to refuse a request. */
export class ApiProblem extends Error {
  readonly catalogError: CatalogError;
  readonly extras: ProblemExtras;

  constructor(name: ApiErrorName, detail?: string, extras: ProblemExtras = {}) {
    super(detail ?? apiErrors[name].title);
    this.catalogError = apiErrors[name];
    this.extras = extras;
  }
}

/** What the store answered; throws 503 when it did not. */
export function requireRead<T>(result: StoreResult<T>): T {
  if (!result.ok) throw new ApiProblem('storeUnavailable', result.problem.text);
  return result.value;
}

/**
 * Turns whatever a handler, a parser or the validation threw into a problem; unknown errors are told to
 * `onUnexpected` only.
 */
export function rescue(error: unknown, onUnexpected: (error: unknown) => void): ApiProblem {
  if (error instanceof ApiProblem) return error;
  if (!isFastifyError(error)) return unexpected(error, onUnexpected);
  if (error.validation !== undefined) return invalid(error);
  if (error.statusCode === 413) return new ApiProblem('payloadTooLarge');
  if (error.statusCode === 415) return new ApiProblem('unsupportedMediaType');
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
    return new ApiProblem('invalidRequest', error.message);
  }
  return unexpected(error, onUnexpected);
}

export function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: ApiProblem): FastifyReply {
  const { code, status, title, retryable } = problem.catalogError;
  const { errors, current, retryAfterSeconds, allow, requiredRole } = problem.extras;
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="crossover"');
  if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds);
  if (allow !== undefined) reply.header('allow', allow);
  return reply
    .code(status)
    .header('content-type', problemContentType)
    .serializer(JSON.stringify)
    .send({
      type: `urn:crossover:problem:${code}`,
      title,
      status,
      detail: problem.message,
      instance: request.url,
      code,
      retryable,
      ...(requiredRole === undefined ? {} : { requiredRole }),
      ...(errors === undefined ? {} : { errors }),
      ...(current === undefined ? {} : { current }),
    });
}

function invalid(error: FastifyError): ApiProblem {
  const errors = mistakesOf(error);
  return new ApiProblem('invalidRequest', sentenceOf(errors, `the ${error.validationContext ?? 'body'}`), {
    errors,
  });
}

function unexpected(error: unknown, onUnexpected: (error: unknown) => void): ApiProblem {
  onUnexpected(error);
  return new ApiProblem('internalApi');
}

function isFastifyError(error: unknown): error is FastifyError {
  return error instanceof Error && ('code' in error || 'validation' in error || 'statusCode' in error);
}
