// Follows one message body by its framing, so that it can be relayed as bytes and its end is known (RFC 9112
// 6.3).
import { ChunkedDecoder } from '#src/core/http1/chunked-body.ts';
import { Framing } from '#src/core/http1/framing.ts';

export class MessageBody {
  framing: Framing;
  isDone: boolean;
  /** Bytes of a length-delimited body that are still to come. */
  bytesLeft: number;
  /** Body bytes seen, framing included. */
  bytesSeen: number;
  /** Payload bytes of a chunked body seen, as far as data was collected. */
  dataBytes: number;
  readonly decoder: ChunkedDecoder;

  constructor() {
    this.framing = Framing.none;
    this.isDone = true;
    this.bytesLeft = 0;
    this.bytesSeen = 0;
    this.dataBytes = 0;
    this.decoder = new ChunkedDecoder();
  }

  begin(framing: Framing, contentLength: number): void {
    this.framing = framing;
    this.bytesLeft = framing === Framing.length ? contentLength : 0;
    this.bytesSeen = 0;
    this.dataBytes = 0;
    this.isDone = framing === Framing.none || (framing === Framing.length && contentLength === 0);
    if (framing === Framing.chunked) this.decoder.reset();
  }

  /**
   * Checks bytes[from..end); returns one past the last byte that belongs to this body, -1 when the framing is
   * invalid (decoder.error). With collectData the payload's ranges are in decoder.dataRanges (chunked only).
   */
  take(bytes: Uint8Array, from: number, end: number, collectData: boolean): number {
    if (this.isDone) return from;
    let to = end;
    if (this.framing === Framing.length) {
      if (end - from >= this.bytesLeft) {
        to = from + this.bytesLeft;
        this.isDone = true;
      }
      this.bytesLeft -= to - from;
    } else if (this.framing === Framing.chunked) {
      to = this.decoder.feed(bytes, from, end, collectData);
      if (to === -1) return -1;
      this.isDone = this.decoder.done;
      if (collectData) this.#countData();
    }
    this.bytesSeen += to - from;
    return to;
  }

  #countData(): void {
    const { dataRanges, dataRangeCount } = this.decoder;
    for (let index = 0; index < dataRangeCount; index++) {
      this.dataBytes += (dataRanges[2 * index + 1] as number) - (dataRanges[2 * index] as number);
    }
  }
}
