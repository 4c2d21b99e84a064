import type { PlantedBug } from '../plant.js';

/** Bugs that the proofs of state have to find. */
export const bugs = {
  /** What this engine changed stays in its cache as it was. */
  staleCache: [
    {
      file: 'modules/documents/documents.js',
      from: 'cache.invalidate(key, version);',
      to: '',
    },
  ],
  /** A change whose row had another version by then is reported as made. */
  guessedRow: [
    {
      file: 'modules/documents/group-commit.js',
      from: 'resolve(rows.get(at + 1));',
      to: `resolve(rows.get(at + 1) ?? {
             id: group[at].change.id, version: group[at].change.from + 1, created_by: 'admin',
             created_at: new Date(), updated_at: new Date() });`,
    },
  ],
  /** The event is written by a transaction of its own, after the change. */
  outboxOutside: [
    {
      file: 'modules/documents/group-commit.js',
      from: 'import { eventData, eventsOfChanges }',
      to: 'import { appendEvent, eventData }',
    },
    { file: 'modules/documents/group-commit.js', from: '${eventsOfChanges(sql)},', to: '' },
    {
      file: 'modules/documents/group-commit.js',
      from: 'resolve(rows.get(at + 1));',
      to: `{
             const row = rows.get(at + 1);
             const { change } = group[at];
             if (row !== undefined) await store.transaction((sql) => appendEvent(sql, {
               projectId: change.projectId, type: change.event, subjectId: change.id, version: row.version,
               data: change.data, actor: change.actor }));
             resolve(row);
           }`,
    },
  ],
  /** The change is committed by itself, and the reply is written down afterwards. */
  replyOutside: [
    {
      file: 'http/state-exchange.js',
      from: 'await handle(scope, document);',
      to: 'await handle(createScope(store, caller), document);',
    },
  ],
} as const satisfies Record<string, readonly PlantedBug[]>;
