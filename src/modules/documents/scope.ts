import type { PostgresStore, Sql } from '../../store/postgres/index.js';
import type { Caller } from './contract.js';

/** Where changes happen: each by itself, or several in one transaction. */
export interface Scope extends Caller {
  /** Set inside a transaction. */
  readonly transaction: Sql | undefined;
  /**
   * Runs one statement that changes something. It ends its `WITH` by `mark`, which needs the rows of `changed`.
   * `undefined` when the change was made and its rows went down with the connection: read them again.
   */
  run<T>(statement: (sql: Sql, mark: Fragment) => Promise<readonly T[]>): Promise<readonly T[] | undefined>;
  /** Calls back when the change is committed; never when it is not. */
  onCommit(callback: () => void): void;
}

/** A piece of a statement. */
export type Fragment = ReturnType<Sql>;

/** Every change is a transaction of its own: one statement, one round trip. */
export function createScope(store: PostgresStore, caller: Caller): Scope {
  return {
    ...caller,
    transaction: undefined,
    async run(statement) {
      const answer = await store.statement(1, (sql, [mark]) =>
        statement(
          sql,
          sql`, mark AS (INSERT INTO transaction_marks (id, outcome) SELECT ${mark as string}::uuid, 'committed' FROM changed)`,
        ),
      );
      if ('rows' in answer) return answer.rows;
      if (answer.lost[0] !== undefined) throw answer.lost[0];
      return undefined;
    },
    onCommit: (callback) => callback(),
  };
}

/** All changes of `work` together, or none. */
export async function inTransaction<T>(
  store: PostgresStore,
  caller: Caller,
  work: (scope: Scope, sql: Sql) => Promise<T>,
): Promise<T> {
  let callbacks: (() => void)[] = [];
  const result = await store.transaction((sql) => {
    callbacks = []; // it may run more than once
    const scope: Scope = {
      ...caller,
      transaction: sql,
      run: (statement) => statement(sql, sql``),
      onCommit: (callback) => void callbacks.push(callback),
    };
    return work(scope, sql);
  });
  for (const callback of callbacks) callback();
  return result;
}

/** All changes of `work` together with those of the scope, or as a transaction of their own where it has none. */
export function within<T>(
  store: PostgresStore,
  scope: Scope,
  work: (scope: Scope, sql: Sql) => Promise<T>,
): Promise<T> {
  return scope.transaction === undefined ? inTransaction(store, scope, work) : work(scope, scope.transaction);
}
