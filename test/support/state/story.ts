import fc from 'fast-check';
import type { Stage, Status } from './model.js';

/** One request. Numbers choose among what there is when its time comes. */
export interface Ask {
  readonly engine: number;
  readonly context: number;
  readonly what:
    'create' | 'replace' | 'status' | 'set' | 'unset' | 'snapshot' | 'restore' | 'delete' | 'read';
  readonly status: Status;
  readonly stage: Stage;
  readonly key: string;
  readonly snapshot: number;
  /** `known`: with the newest version that this client knows; `old`: with the one before. */
  readonly ifMatch: 'none' | 'known' | 'old';
  /** With an Idempotency-Key: so many times at once, at both engines, and then until it is answered. 0: without one. */
  readonly copies: number;
}

/** What happens while the requests of a round are under way. */
export interface Trouble {
  readonly kind:
    'none' | 'kill engine' | 'kill Postgres' | 'kill Redis' | 'hang Redis' | 'flush Redis' | 'cut streams';
  readonly engine: number;
  readonly afterMs: number;
  readonly earlier: number;
}

export interface Round {
  readonly asks: readonly Ask[];
  readonly trouble: Trouble;
}

const weighted = <T>(...choices: [number, T][]): fc.Arbitrary<T> =>
  fc.oneof(...choices.map(([weight, value]) => ({ weight, arbitrary: fc.constant(value) })));

const ask: fc.Arbitrary<Ask> = fc.record({
  engine: fc.nat(1),
  context: fc.nat(99),
  what: weighted<Ask['what']>(
    [2, 'create'],
    [3, 'replace'],
    [5, 'status'],
    [8, 'set'],
    [3, 'unset'],
    [3, 'snapshot'],
    [2, 'restore'],
    [1, 'delete'],
    [10, 'read'],
  ),
  status: weighted<Status>([6, 'active'], [3, 'suspended'], [3, 'failed'], [1, 'completed']),
  stage: weighted<Stage>([4, 'planning'], [4, 'execution'], [2, 'validation'], [1, 'completion']),
  key: fc.constantFrom('a', 'b', 'c'),
  snapshot: fc.nat(99),
  ifMatch: weighted<Ask['ifMatch']>([6, 'none'], [3, 'known'], [1, 'old']),
  copies: fc.constantFrom(0, 0, 0, 1, 1, 2, 3),
});

const trouble: fc.Arbitrary<Trouble> = fc.record({
  kind: weighted<Trouble['kind']>(
    [12, 'none'],
    [2, 'kill engine'],
    [1, 'kill Postgres'],
    [2, 'kill Redis'],
    [2, 'hang Redis'],
    [2, 'flush Redis'],
    [4, 'cut streams'],
  ),
  engine: fc.nat(1),
  afterMs: fc.nat(25),
  earlier: fc.nat(20),
});

const roundsWith = (troubles: fc.Arbitrary<Trouble>): fc.Arbitrary<Round[]> =>
  fc.array(
    fc.record({ asks: fc.array(ask, { minLength: 1, maxLength: 12, size: 'max' }), trouble: troubles }),
    { minLength: 6, maxLength: 24, size: 'max' },
  );

export const rounds = roundsWith(trouble);

/** Nothing is killed: for what shows without. */
export const calmRounds = roundsWith(trouble.filter(({ kind }) => !kind.startsWith('kill')));
