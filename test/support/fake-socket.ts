// A socket without a network: what it is told to send is at hand, what it receives and whether its peer takes
// anything is the test's to say. Like a real one it never calls its owner from within the owner's own call.
import type { Socket, SocketOwner } from '#src/data-plane/transport/socket.ts';

export class FakeSocket implements Socket {
  owner: SocketOwner;
  readonly remoteAddress: string;
  isOpen = true;
  isReading = false;
  /** It sent FIN, and everything before it. */
  isShutDown = false;
  wasReset = false;
  /** The peer takes nothing: what is written waits until `take`. */
  isBlocked = false;
  /** What the peer has taken, as latin1. */
  sent = '';
  /** What each write was about. */
  readonly writes: string[] = [];
  #waiting = '';
  #shutdownWanted = false;
  #hasEnded = false;
  /** What the peer sent and nobody has read: texts, and null for its FIN. */
  readonly #inbox: (string | null)[] = [];

  constructor(owner: SocketOwner, remoteAddress = '127.0.0.1') {
    this.owner = owner;
    this.remoteAddress = remoteAddress;
  }

  get hasPendingWrites(): boolean {
    return this.#waiting !== '';
  }

  get pendingBytes(): number {
    return this.#waiting.length;
  }

  /** Bytes that the peer sent and that were not read. */
  get unreadBytes(): number {
    return this.#inbox.reduce((sum, text) => sum + (text?.length ?? 0), 0);
  }

  write(bytes: Uint8Array, from: number, to: number): boolean {
    if (!this.isOpen) return true;
    const text = Buffer.from(bytes.subarray(from, to)).toString('latin1');
    this.writes.push(text);
    this.#waiting += text;
    if (this.isBlocked) return false;
    this.sent += this.#waiting;
    this.#waiting = '';
    return true;
  }

  writeShared(bytes: Buffer, from: number, to: number): boolean {
    return this.write(bytes, from, to);
  }

  pause(): void {
    this.isReading = false;
  }

  resume(): void {
    if (this.isReading || !this.isOpen) return;
    this.isReading = true;
    // Who reads on behind a FIN gets it again.
    if (this.#hasEnded) this.#inbox.push(null);
    queueMicrotask(() => this.#deliver());
  }

  shutdown(): void {
    this.#shutdownWanted = true;
    if (this.#waiting === '') this.isShutDown = true;
  }

  destroy(): void {
    this.isOpen = false;
  }

  reset(): void {
    if (this.isOpen) this.wasReset = true;
    this.isOpen = false;
  }

  // ---- what the peer does ----

  /** Sends bytes, which are one read. */
  receive(text: string): void {
    this.#inbox.push(text);
    this.#deliver();
  }

  /** Sends FIN. */
  end(): void {
    this.#inbox.push(null);
    this.#deliver();
  }

  /** Sends RST. */
  fail(code = 'ECONNRESET'): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.owner.onFailed(code);
  }

  /** Takes so many of the bytes that wait, all by default. */
  take(count = this.#waiting.length): void {
    if (this.#waiting === '' || !this.isOpen) return;
    this.sent += this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    if (this.#waiting !== '') return;
    this.isBlocked = false;
    this.owner.onDrained();
    if (this.#shutdownWanted && this.#waiting === '') this.isShutDown = true;
  }

  #deliver(): void {
    while (this.isOpen && this.isReading && this.#inbox.length > 0) {
      const text = this.#inbox.shift();
      if (typeof text === 'string') {
        const bytes = Buffer.from(text, 'latin1');
        this.owner.onBytes(bytes, bytes.length);
        // The buffer is the next reader's: nobody may have kept it.
        bytes.fill(0x21);
      } else {
        this.pause();
        this.#hasEnded = true;
        this.owner.onEnd();
      }
    }
  }
}
