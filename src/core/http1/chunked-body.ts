// Chunked bodies (RFC 9112 7.1): validated and delimited, never re-encoded.

export class ChunkedDecoder {
  done = false;
  error: 'chunkInvalid' | 'trailersTooLarge' | null = null;
  dataRanges: Int32Array = new Int32Array(32);
  dataRangeCount = 0;

  reset(): void {
    this.done = false;
  }

  feed(_bytes: Uint8Array, _from: number, _end: number, _collectData: boolean): number {
    return -1;
  }
}
