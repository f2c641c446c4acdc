// The way to a record, whoever has it open.
import type { RecordReader } from './record-reader.ts';
import type { StoreResult } from './store-result.ts';

export interface RecordAccess {
  /** Runs a query; what it throws becomes a problem. */
  readRecord<T>(query: (record: RecordReader) => T): StoreResult<T>;
}
