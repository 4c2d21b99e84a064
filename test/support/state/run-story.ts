import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { ask as askPostgres } from '../../embedded/postgres/embedded-postgres.js';
import { until } from '../until.js';
import { createStateClient, type StateClient } from './client.js';
import type { StateCluster } from './cluster.js';
import { endOfLog, followEvents, type EventClient } from './event-client.js';
import { stateOf, type Change } from './model.js';
import { judge, type Evidence, type LoggedEvent } from './oracle.js';
import type { Ask, Round, Trouble } from './story.js';

/** What stories were made of, summed up. */
export interface StoryTally {
  stories: number;
  requests: number;
  lost: number;
  unavailable: number;
  replayed: number;
  events: number;
  engineKills: number;
  postgresKills: number;
}

export const emptyStoryTally = (): StoryTally => ({
  stories: 0,
  requests: 0,
  lost: 0,
  unavailable: 0,
  replayed: 0,
  events: 0,
  engineKills: 0,
  postgresKills: 0,
});

/**
 * Plays the rounds to two engines, then compares what they answer and what the event log says with the model.
 *
 * @throws Error that says what the model cannot explain
 */
export async function runStory(
  cluster: StateCluster,
  all: readonly Round[],
  tally = emptyStoryTally(),
): Promise<void> {
  const client = createStateClient(cluster);
  const first = await firstSequence(cluster);
  const start = await endOfLog(cluster.engines[0]);
  const streams = [0, 1].map((at) => followEvents(() => cluster.engines[at as 0 | 1], start));
  try {
    for (const round of all) {
      const trouble = cause(cluster, streams, round.trouble, tally);
      await Promise.all(round.asks.map((ask, n) => delay(n * 2).then(() => take(client, ask))));
      await trouble;
    }
    const faults = await compare(cluster, client, streams, { first, start, tally });
    if (faults.length > 0) throw new Error(faults.slice(0, 20).join('\n'));
  } finally {
    cluster.redis.resume();
    await Promise.all(streams.map((stream) => stream.close()));
    tally.stories++;
    for (const [name, count] of Object.entries(client.counts))
      tally[name as keyof typeof client.counts] += count;
  }
}

async function take(client: StateClient, ask: Ask): Promise<void> {
  const alive = [...client.contexts.values()].filter(({ isGoing }) => !isGoing);
  // A few at a time, so that many requests meet in one context.
  const few = alive.slice(-3);
  const context = few[ask.context % Math.max(1, few.length)];
  if (context === undefined || ask.what === 'create')
    return client.change(ask.engine, { do: 'create', status: ask.status }, undefined, {
      ifVersion: undefined,
      copies: ask.copies,
    });
  const { id, newest, snapshots } = context;
  const snapshotId = snapshots[ask.snapshot % Math.max(1, snapshots.length)];
  if (ask.what === 'read') {
    if (snapshotId !== undefined && ask.copies > 1) return client.readSnapshot(ask.engine, id, snapshotId);
    return void (await client.read(ask.engine, id));
  }
  const change = changeOf(ask, snapshotId);
  const ifVersion = { none: undefined, known: newest, old: Math.max(1, newest - 1) }[ask.ifMatch];
  const isFree = change.do === 'snapshot';
  return client.change(ask.engine, change, id, {
    ifVersion: isFree ? undefined : ifVersion,
    copies: ask.copies,
  });
}

function changeOf(ask: Ask, snapshotId: string | undefined): Change {
  const { status, stage, key } = ask;
  switch (ask.what) {
    case 'replace':
      return { do: 'replace', status, stage, key };
    case 'status':
      return ask.snapshot % 2 === 0
        ? { do: 'status', status, stage: undefined }
        : { do: 'status', status: undefined, stage };
    case 'restore':
      return snapshotId === undefined ? { do: 'snapshot' } : { do: 'restore', snapshotId };
    case 'unset':
    case 'set':
      return { do: ask.what, key };
    default:
      return { do: ask.what as 'snapshot' | 'delete' };
  }
}

async function cause(
  cluster: StateCluster,
  streams: readonly EventClient[],
  { kind, engine, afterMs, earlier }: Trouble,
  tally: StoryTally,
): Promise<void> {
  await delay(afterMs);
  switch (kind) {
    case 'none':
      return;
    case 'kill engine':
      tally.engineKills++;
      return cluster.killEngine(engine);
    case 'kill Postgres':
      tally.postgresKills++;
      return cluster.killPostgres();
    case 'kill Redis':
      return cluster.redis.restart();
    case 'hang Redis':
      cluster.redis.pause();
      await delay(200);
      return cluster.redis.resume();
    case 'flush Redis':
      return void (await cluster.redis.client.flushall());
    case 'cut streams':
      for (const stream of streams) stream.cut(earlier);
  }
}

async function compare(
  cluster: StateCluster,
  client: StateClient,
  streams: readonly EventClient[],
  { first, start, tally }: { first: number; start: string; tally: StoryTally },
): Promise<string[]> {
  const log = await readLog(cluster, first);
  tally.events += log.length;
  const faults: string[] = [];
  const final = new Map<string, { version: number; state: ReturnType<typeof stateOf> } | undefined>();
  for (const id of new Set(log.map((event) => event.subject_id))) {
    const last = log.findLast((event) => event.subject_id === id) as LoggedEvent;
    const newest = last.type === 'context.deleted' ? 404 : last.version;
    for (const at of [0, 1])
      await until(async () => {
        const answer = await client.read(at, id);
        if (answer?.status === 200) final.set(id, { version: answer.etag, state: stateOf(answer.body) });
        else if (answer?.status === 404) final.set(id, undefined);
        return (answer?.status === 200 ? answer.etag : answer?.status) === newest;
      }).catch(() => faults.push(`engine ${at} does not come to ${newest} of ${id}`));
    for (const snapshotId of client.contexts.get(id)?.snapshots ?? [])
      for (const at of [0, 1]) await client.readSnapshot(at, id, snapshotId);
  }
  const { sent, seen, snapshots } = client;
  const evidence: Evidence = { sent, log, seen, final, snapshots };
  faults.push(...judge(evidence));

  const ids = log.map(({ id }) => id);
  const last = ids.at(-1);
  for (const [at, stream] of streams.entries()) {
    if (last !== undefined)
      await until(
        () => stream.deliveries.at(-1)?.ids.at(-1) === last || stream.deliveries.at(-1)?.after === last,
      ).catch(() => faults.push(`the stream of engine ${at} does not come to ${last}`));
    faults.push(...stream.contradictions.map((id) => `event ${id} came with two contents`));
    for (const { after, ids: got } of stream.deliveries) {
      const from = after === start ? 0 : ids.indexOf(after) + 1;
      if (!isDeepStrictEqual(got, ids.slice(from, from + got.length)))
        faults.push(`engine ${at} sent ${got.join()} after ${after}, and the log is ${ids.join()}`);
    }
    for (const event of log) {
      const told = stream.events.get(event.id);
      if (told?.version !== event.version || told.type !== event.type || told.subject_id !== event.subject_id)
        faults.push(`engine ${at} told ${JSON.stringify(told)} of ${JSON.stringify(event)}`);
    }
  }
  return [...client.faults, ...faults];
}

async function firstSequence({ postgresUrl }: StateCluster): Promise<number> {
  const [row] = await askPostgres<{ last: string | null }>(
    postgresUrl,
    'SELECT max(sequence)::text AS last FROM outbox',
  );
  return Number(row?.last ?? 0);
}

/** All events of contexts since then, as the table has them. */
async function readLog({ postgresUrl }: StateCluster, after: number): Promise<LoggedEvent[]> {
  return askPostgres<LoggedEvent>(
    postgresUrl,
    `SELECT transaction_id::text || '-' || sequence::text AS id, type, subject_id::text, version::int, payload AS data
     FROM outbox WHERE sequence > ${after} ORDER BY outbox.transaction_id, outbox.sequence`,
  );
}
