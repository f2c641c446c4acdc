// The error of a process that could not start.

/** A start failed. When it is thrown, nothing is running any more. */
export class StartError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'StartError';
    this.code = code;
  }
}
