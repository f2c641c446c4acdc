// Approvals by people: each for one gate and one revision, once. Kept over restarts.
import type { StoreResult } from '#src/record/store-result.ts';

interface Approval {
  readonly gate: string;
  readonly revision: string;
  readonly actor: string;
  readonly reason: string;
  readonly atMs: number;
}

interface ApprovalsOptions {
  readonly keep: (value: unknown) => Promise<StoreResult<undefined>>;
  readonly load: () => StoreResult<unknown>;
}

export class Approvals {
  readonly #options: ApprovalsOptions;
  /** Approvals of one revision; those of an earlier step are void. */
  #given: readonly Approval[] = [];
  #isKnown = false;

  constructor(options: ApprovalsOptions) {
    this.#options = options;
  }

  /** Takes up what was kept, once the store can be read. */
  restore(): void {
    if (this.#isKnown) return;
    const loaded = this.#options.load();
    if (!loaded.ok) return;
    this.#isKnown = true;
    if (Array.isArray(loaded.value)) this.#given = loaded.value as Approval[];
  }

  of(gate: string, revision: string): Approval | null {
    return this.#given.find((one) => one.gate === gate && one.revision === revision) ?? null;
  }

  /**
   * Adds an approval, or does nothing when it cannot be kept. Call it for one approval at a time: each is
   * kept together with those before.
   */
  async add(approval: Approval): Promise<StoreResult<undefined>> {
    const given = [...this.#given.filter(({ revision }) => revision === approval.revision), approval];
    const kept = await this.#options.keep(given);
    if (!kept.ok) return kept;
    this.#isKnown = true;
    this.#given = given;
    return kept;
  }
}
