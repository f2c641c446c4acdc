// What all tests have in common that keep their evidence in a bank: how evidence is read, and given up.
import { type BankOptions, type Clusters, deflateAbove, EvidenceBank } from './evidence-bank.ts';

export class BankedTest {
  protected readonly bank: EvidenceBank;

  constructor(options: BankOptions) {
    this.bank = new EvidenceBank(options);
  }

  /** ln of the e-value against the test's null, before deflation. */
  logEvidence(): number {
    return this.bank.logEvidence();
  }

  /** The same, deflated where it is large enough to matter. */
  deflatedLogEvidence(clusters: Clusters): number {
    const raw = this.bank.logEvidence();
    return raw > deflateAbove ? this.bank.deflatedLogEvidence(clusters) : raw;
  }

  /** Since when the evidence has been rising. */
  risingSinceMs(clusters: Clusters): number {
    return this.bank.risingSinceMs(clusters);
  }

  /** Gives up the evidence against Y; see {@link EvidenceBank.forgetGains}. */
  forgetGains(nowMs: number): void {
    this.bank.forgetGains(nowMs);
  }
}
