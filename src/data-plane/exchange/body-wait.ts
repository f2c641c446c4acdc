// The time that a request whose body is still coming does without a connection to a node: a client that sends
// slowly would otherwise keep one from others. After that time it gets one all the same, because its answer
// may begin before its end, and nobody who waits for that may wait for ever.
import { Timed, type TimerWheel } from '#src/data-plane/base/timer-wheel.ts';

export class BodyWait extends Timed {
  isOn: boolean;
  readonly #wheel: TimerWheel;
  readonly #onOver: () => void;

  /** onOver: called once when a wait has lasted its time, and not when `end` came before. */
  constructor(wheel: TimerWheel, onOver: () => void) {
    super();
    this.isOn = false;
    this.#wheel = wheel;
    this.#onOver = onOver;
  }

  begin(ms: number): void {
    this.isOn = true;
    this.#wheel.set(this, ms);
  }

  end(): void {
    if (!this.isOn) return;
    this.isOn = false;
    this.#wheel.remove(this);
  }

  onDeadline(): void {
    this.isOn = false;
    this.#onOver();
  }

  destroy(): void {
    this.end();
  }
}
