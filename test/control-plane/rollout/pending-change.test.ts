// What is done in which order when a change comes, when the store answers, and when another change comes
// before it does.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Act,
  type Change,
  nothingPending,
  onChange,
  onWriteAnswer,
  type PendingChange,
} from '#src/control-plane/rollout/pending-change.ts';
import type { WriteAnswer } from '#src/control-plane/rollout/write-answer.ts';
import type { OrderedEffect, Ready } from '#src/core/rollout/ready.ts';
import type { Transition } from '#src/core/rollout/rollout-effect.ts';
import type { RolloutState } from '#src/core/rollout/rollout-state.ts';

const percentState = (percent: number): RolloutState => ({ phase: 'idle', weightPpm: percent * 10_000 });

const transition = (name: Transition['name']): Transition => ({
  atMs: 0,
  name,
  from: percentState(10),
  to: percentState(10),
  actor: 'tester',
  reason: '',
  evidence: null,
});
const publish = (percent: number): OrderedEffect => ({
  type: 'publish',
  weightPpm: percent * 10_000,
  salt: 1,
});
const persist = (name: Transition['name']): OrderedEffect => ({
  type: 'persist',
  transition: transition(name),
});

const ready = (given: Partial<Ready>): Ready => ({
  state: percentState(10),
  atOnce: [],
  recordFirst: null,
  onceRecorded: [],
  startsChecks: false,
  ...given,
});

const changes = {
  advance: ready({
    state: percentState(25),
    recordFirst: transition('step'),
    onceRecorded: [publish(25)],
  }),
  start: ready({ state: percentState(0), recordFirst: transition('started'), startsChecks: true }),
  revert: ready({ state: percentState(0), atOnce: [publish(0), persist('reverted')] }),
  hold: ready({ state: percentState(10) }),
} as const satisfies Record<string, Ready>;

type ChangeName = keyof typeof changes;
const changeOf = (name: ChangeName): Change => ({ ready: changes[name], settled: () => {} });
const nameOf = ({ ready: wanted }: Change): string =>
  Object.entries(changes).find(([, known]) => known === wanted)?.[0] ?? '?';

const problem = { kind: 'full', text: 'The disk is full.' } as const;
const answers: Readonly<Record<WriteAnswer['kind'], WriteAnswer>> = {
  kept: { kind: 'kept' },
  refused: { kind: 'refused', problem },
  overdue: { kind: 'overdue', problem },
};

function actText(act: Act): string {
  switch (act.type) {
    case 'run':
      return act.effects
        .map((effect) =>
          effect.type === 'publish' ? `publish ${effect.weightPpm / 10_000}` : String(effect.type),
        )
        .join(' ');
    case 'record':
    case 'take-back':
      return `${act.type} ${act.transition.name}`;
    case 'enter':
      return `enter ${act.state.weightPpm / 10_000}`;
    case 'acknowledge':
      return `${nameOf(act.change)} ${act.ending.kind}`;
    default:
      return act.type;
  }
}

/** What happens one after the other, and after each what is done. */
const courses: readonly (readonly [happens: ChangeName | WriteAnswer['kind'], acts: string])[][] = [
  [['hold', 'enter 10, hold made']],
  [['revert', 'publish 0 persist, enter 0, revert made']],
  [
    ['advance', 'record step'],
    ['kept', 'announce, publish 25, enter 25, advance made'],
  ],
  [
    ['start', 'record started'],
    ['kept', 'announce, enter 0, start-checks, start made'],
  ],
  [
    ['advance', 'record step'],
    ['refused', 'withdraw, advance not-recorded'],
    ['advance', 'record step'],
  ],
  [
    ['advance', 'record step'],
    ['overdue', 'withdraw, advance not-recorded'],
    ['advance', 'advance busy'],
    ['revert', 'publish 0 persist, enter 0, revert made'],
    ['kept', 'take-back step'],
    ['advance', 'record step'],
  ],
  [
    ['advance', 'record step'],
    ['overdue', 'withdraw, advance not-recorded'],
    ['refused', ''],
    ['advance', 'record step'],
  ],
  [
    ['advance', 'record step'],
    ['start', 'start busy'],
    ['kept', 'announce, publish 25, enter 25, advance made'],
  ],
  [
    ['advance', 'record step'],
    ['hold', 'enter 10, hold made'],
    ['kept', 'announce, publish 25, enter 25, advance made'],
  ],
  [
    ['advance', 'record step'],
    ['revert', 'withdraw, advance overtaken, publish 0 persist, enter 0, revert made'],
    ['start', 'start busy'],
    ['overdue', ''],
    ['kept', 'take-back step'],
    ['start', 'record started'],
  ],
  [
    ['advance', 'record step'],
    ['revert', 'withdraw, advance overtaken, publish 0 persist, enter 0, revert made'],
    ['refused', ''],
    ['start', 'record started'],
  ],
];

for (const course of courses) {
  test(`pending change goes through ${course.map(([happens]) => happens).join(', ')}`, () => {
    let pending: PendingChange = nothingPending;
    for (const [happens, acts] of course) {
      const advance: ReturnType<typeof onChange> =
        happens in answers
          ? onWriteAnswer(pending, answers[happens as WriteAnswer['kind']])
          : onChange(pending, changeOf(happens as ChangeName));
      assert.equal(advance.acts.map(actText).join(', '), acts, `after ${happens}`);
      pending = advance.pending;
    }
  });
}

test('pending change tells our own bug when the store answers what it was not asked', () => {
  assert.throws(() => onWriteAnswer(nothingPending, answers.kept), /invariant broken/);
});
