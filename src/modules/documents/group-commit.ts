import { MplpError } from '../../errors/index.js';
import { eventData, eventsOfChanges } from '../../store/events/index.js';
import type { PostgresStore } from '../../store/postgres/index.js';
import type { Caller } from './contract.js';

/** A document at its next version, for the row that still has the version `from`. */
export interface Update extends Caller {
  readonly id: string;
  readonly from: number;
  /** JSON. */
  readonly content: string;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** What columns say of a document. */
export interface RowHead {
  readonly id: string;
  readonly version: number;
  readonly created_by: string;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** Changes of many documents as one statement. */
export interface GroupCommit {
  /**
   * `undefined` when the row has another version by now, or is gone; `lost` when the change was made and its row went down
   * with the connection. At most one change of a document at a time.
   *
   * @throws MplpError MPLP_ERR_STORE_UNAVAILABLE: nothing was changed.
   */
  update(change: Update): Promise<RowHead | 'lost' | undefined>;
}

interface Waiting {
  readonly change: Update;
  resolve(row: RowHead | 'lost' | undefined): void;
  reject(error: unknown): void;
}

/** A statement that takes longer waits, for a row that another transaction holds, and others need not wait with it. */
const STALLED_MS = 50;
const MAX_STATEMENTS = 4;
const MAX_CHANGES = 64;
const MAX_BYTES = 1024 * 1024;

/**
 * A change that comes while no statement is under way is sent at once; those that come meanwhile go together into the next
 * one. So the round trip, the planning and the sync to disk are shared exactly when there are many, and nobody waits for
 * a timer.
 */
export function createGroupCommit(store: PostgresStore, table: string): GroupCommit {
  const waiting: Waiting[] = [];
  /** Statements that may keep others waiting, and all of them. */
  let running = 0;
  let underWay = 0;

  const next = (): Waiting[] => {
    let bytes = 0;
    const fits = waiting.findIndex(({ change }, at) => {
      bytes += change.content.length;
      return at === MAX_CHANGES || (at > 0 && bytes > MAX_BYTES);
    });
    return waiting.splice(0, fits === -1 ? waiting.length : fits);
  };
  const pump = (): void => {
    if (running > 0 || underWay === MAX_STATEMENTS || waiting.length === 0) return;
    running++;
    underWay++;
    let isRunning = true;
    const goOn = (): void => {
      if (isRunning) running--;
      isRunning = false;
      pump();
    };
    const timer = setTimeout(goOn, STALLED_MS);
    void send(next()).finally(() => {
      clearTimeout(timer);
      underWay--;
      goOn();
    });
  };

  async function send(group: readonly Waiting[]): Promise<void> {
    try {
      const answer = await write(group.map(({ change }) => change));
      if ('lost' in answer) {
        for (const [at, { resolve, reject }] of group.entries()) {
          if (answer.lost[at] === undefined) resolve('lost');
          else reject(answer.lost[at]);
        }
        return;
      }
      const rows = new Map(answer.rows.map((row) => [row.at, row]));
      for (const [at, { resolve }] of group.entries()) resolve(rows.get(at + 1));
    } catch (error) {
      if (error instanceof MplpError && error.code === 'MPLP_ERR_STORE_UNAVAILABLE') {
        // Those behind it would only wait to hear the same.
        for (const { reject } of [...group, ...waiting.splice(0)]) reject(error);
      } else if (group.length === 1) group[0]?.reject(error);
      else for (const one of group) await send([one]);
    }
  }

  const write = (changes: readonly Update[]) =>
    store.statement(changes.length, (sql, marks) => {
      const column = (read: (change: Update) => string) => changes.map(read);
      return sql<(RowHead & { at: number })[]>`
        WITH given AS (
          SELECT * FROM unnest(
            ${column((change) => change.projectId)}::text[], ${column((change) => change.id)}::uuid[],
            ${changes.map((change) => change.from)}::bigint[], ${column((change) => change.content)}::text[],
            ${column((change) => change.event)}::text[], ${column((change) => eventData(change.data))}::text[],
            ${column((change) => change.actor)}::text[], ${[...marks]}::uuid[]
          ) WITH ORDINALITY AS given (project_id, id, version, document, type, data, actor, mark, at)),
        changed AS (
          UPDATE ${sql(table)} AS row
          SET document = given.document::json, version = row.version + 1, updated_at = now()
          FROM given WHERE row.project_id = given.project_id AND row.id = given.id AND row.version = given.version
          RETURNING row.project_id, row.id, row.version, row.created_by, row.created_at, row.updated_at,
            given.type, given.data, given.actor, given.mark, given.at),
        ${eventsOfChanges(sql)},
        mark AS (INSERT INTO transaction_marks (id, outcome) SELECT mark, 'committed' FROM changed)
        SELECT at, id, version, created_by, created_at, updated_at FROM changed`;
    });

  return {
    update: (change) =>
      new Promise((resolve, reject) => {
        waiting.push({ change, resolve, reject });
        pump();
      }),
  };
}
