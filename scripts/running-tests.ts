// Which tests of which files run, by the events of node:test, and which of them hang: nothing has been heard
// of their file for too long, or all of its tests have ended and its process has not.

/** What the events of a test or of a whole file have in common; a file's own have its path as their name. */
interface TestEvent {
  readonly name: string;
  readonly file?: string | undefined;
  readonly nesting: number;
}

interface Patience {
  /** While a test runs, or before the first one, ms. */
  readonly silenceMs: number;
  /** Between the end of a file's last test and of its process, ms. */
  readonly endingMs: number;
}

export interface Hanging {
  readonly file: string;
  /** Where it hangs, in words. */
  readonly where: string;
}

class RunningFile {
  lastEventMs: number;
  readonly running: TestEvent[] = [];
  waitingCount = 0;
  hasEndedTest = false;

  constructor(nowMs: number) {
    this.lastEventMs = nowMs;
  }

  get hasOnlyToEnd(): boolean {
    return this.hasEndedTest && this.running.length === 0 && this.waitingCount === 0;
  }
}

export class RunningTests {
  readonly #files = new Map<string, RunningFile>();

  /** A test waits for its turn. */
  enqueued(event: TestEvent, nowMs: number): void {
    const file = this.#heardOf(event, nowMs);
    if (file !== undefined) file.waitingCount++;
  }

  /** A test, or a file's process, begins. */
  begun(event: TestEvent, nowMs: number): void {
    if (isFile(event)) {
      this.#files.set(event.file ?? event.name, new RunningFile(nowMs));
      return;
    }
    const file = this.#heardOf(event, nowMs);
    if (file === undefined) return;
    file.waitingCount--;
    file.running.push(event);
  }

  /** A test, or a file's process, has ended. */
  ended(event: TestEvent, nowMs: number): void {
    if (isFile(event)) {
      this.#files.delete(event.file ?? event.name);
      return;
    }
    const file = this.#heardOf(event, nowMs);
    if (file === undefined) return;
    file.hasEndedTest = true;
    const at = file.running.findLastIndex(
      ({ name, nesting }) => name === event.name && nesting === event.nesting,
    );
    if (at >= 0) file.running.splice(at, 1);
  }

  /** The files that hang, each once. */
  takeHanging(nowMs: number, { silenceMs, endingMs }: Patience): Hanging[] {
    const hanging: Hanging[] = [];
    for (const [file, state] of this.#files) {
      const limitMs = state.hasOnlyToEnd ? endingMs : silenceMs;
      if (nowMs - state.lastEventMs < limitMs) continue;
      this.#files.delete(file);
      hanging.push({ file, where: whereIs(state) });
    }
    return hanging;
  }

  #heardOf({ file = '' }: TestEvent, nowMs: number): RunningFile | undefined {
    const state = this.#files.get(file);
    if (state !== undefined) state.lastEventMs = nowMs;
    return state;
  }
}

const isFile = ({ name, file, nesting }: TestEvent): boolean =>
  nesting === 0 && (file ?? name).endsWith(name);

function whereIs(state: RunningFile): string {
  if (state.hasOnlyToEnd) return 'its tests have ended, and its process has not';
  if (state.running.length === 0) return 'before its first test, or at once in it';
  const path = state.running.toSorted((a, b) => a.nesting - b.nesting).map(({ name }) => name);
  return `in "${path.join(' > ')}"`;
}
