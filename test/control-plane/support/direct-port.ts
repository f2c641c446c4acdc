// A store in the thread of the test: calls are answered before `send` returns, unless it is told to hang.
import assert from 'node:assert/strict';
import { openSqliteStore } from '#src/control-plane/store/sqlite-store.ts';
import { type OpenStore, StoreCallHandler } from '#src/control-plane/store/store-call-handler.ts';
import type { ArgsOf, Done, ResultOf, StoreMethod, StorePort } from '#src/control-plane/store/store-calls.ts';
import { StoreFiles } from '#src/control-plane/store/store-files.ts';
import type { Store } from '#src/record/store.ts';
import type { StoreResult } from '#src/record/store-result.ts';

export class DirectPort implements StorePort {
  readonly #handler: StoreCallHandler;
  #hangs = false;
  #held: (() => void)[] = [];

  constructor(open: OpenStore, files: StoreFiles | null = null) {
    this.#handler = new StoreCallHandler(open, null, files);
  }

  static on(file: string): DirectPort {
    return new DirectPort((expected) => openSqliteStore(file, { expected }), new StoreFiles(file));
  }

  /** What the test looks into: the store as it is open now. */
  get store(): Store {
    const { store } = this.#handler;
    assert.ok(store, 'the store is open');
    return store;
  }

  send<M extends StoreMethod>(method: M, args: ArgsOf<M>, done: Done<M>): void {
    const carryOut = () => done(this.#finish(method, args) as ResultOf<M>, this.#handler.recordEnd);
    if (this.#hangs) this.#held.push(carryOut);
    else carryOut();
  }

  /** From now on nothing is carried out. */
  hang(): void {
    this.#hangs = true;
  }

  /** Carries out `count` of the calls that came meanwhile, or all and those after them. */
  goOn(count = Number.POSITIVE_INFINITY): void {
    for (let left = count; left > 0; left--) {
      const next = this.#held.shift();
      if (next === undefined) {
        this.#hangs = false;
        return;
      }
      next();
    }
  }

  end(): void {}

  #finish(method: StoreMethod, args: readonly unknown[]): StoreResult<unknown> {
    const answer = this.#handler.answer(method, args);
    for (;;) {
      const { done, value } = answer.next();
      if (done === true) return value;
    }
  }
}
