// Another process' lock on a store's file, as a backup or a second Crossover would hold it.
import { DatabaseSync } from 'node:sqlite';
import type { TestContext } from 'node:test';
import { hangMs } from '../../support/until.ts';

/**
 * Takes the lock, after the store where that is writing at this moment; whoever writes from now on waits for
 * it or fails. Returns what gives it back.
 */
export function lockStore(t: TestContext, file: string, begin = 'BEGIN IMMEDIATE'): () => void {
  const holder = new DatabaseSync(file, { timeout: hangMs });
  const letGo = (): void => {
    if (holder.isOpen) holder.close();
  };
  t.after(letGo);
  holder.exec(begin);
  return letGo;
}
