// Hostile clients in a process of their own, which is ended with all their connections: what they leave half
// done is then nobody's to clean up.
import process from 'node:process';
import { besiege, type SiegeOrder } from './hostile-clients.ts';

process.on('message', (order: SiegeOrder) => {
  void besiege(order).then(() => process.send?.('come'));
});
process.on('disconnect', () => process.exit(0));
