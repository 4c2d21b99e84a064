import { randomUUID } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { scanFrames } from '#dist/traces/spool/frames.js';
import { decodeSidecar } from '#dist/traces/spool/sidecar.js';
import { expect } from 'vitest';
import { crc32c } from '../support/crc32c.js';
import type { Verdict } from '../support/crash/oracle.js';
import {
  ADMIN_KEY,
  createWorld,
  type RunningEngine,
  type World,
  type WorldOptions,
} from '../support/crash/world.js';

/** Batches that a client tries to get through while the engine is made to die, and after it came back. */
const BATCHES_BEFORE = 400;
const BATCHES_AFTER = 8;
const HIT_TIMEOUT_MS = 30_000;

export interface KillPoint {
  readonly row: string;
  /** `MPLP_FAILPOINT`: name and count. */
  readonly point: string;
  readonly what: string;
}

/** Rows K1 to K5 and K8 to K10 of the test matrix, each at its exact place. */
export const killPoints: readonly KillPoint[] = [
  { row: 'K1', point: 'spool.append:7', what: 'after the parse, before the spool write' },
  { row: 'K2', point: 'spool.written:5', what: 'after the write, before the sync' },
  { row: 'K3', point: 'spool.synced:5', what: 'after the sync, before the acknowledgement' },
  { row: 'K4', point: 'spool.acked:5', what: 'after the acknowledgement' },
  { row: 'K4', point: 'spool.seal:2', what: 'before the batch is cut' },
  { row: 'K5', point: 'spool.sealed:2', what: 'after the cut is on disk' },
  { row: 'K5', point: 'loader.send:2', what: 'before the first send' },
  { row: 'K8', point: 'loader.inserted:2', what: 'after ClickHouse took it, before the checkpoint' },
  { row: 'K8', point: 'spool.checkpoint:2', what: 'right before the checkpoint' },
  { row: 'K9', point: 'spool.checkpointed:2', what: 'after the checkpoint, before the first deletion' },
  { row: 'K9', point: 'spool.segment-unlinked:2', what: 'between the deletions' },
  { row: 'K9', point: 'spool.receipts-kept:2', what: 'after the receipts were journaled' },
  { row: 'K9', point: 'spool.unlinked:2', what: 'after the deletions, before the directory sync' },
  { row: 'K10', point: 'spool.segment-created:2', what: 'between the two files of a new segment' },
  { row: 'K10', point: 'spool.segment-opened:2', what: 'before the names of a new segment are durable' },
];

/** Points inside the recovery; each start is killed at the next one (K11). */
export const recoveryPoints = [
  'recovery.segment:1',
  'recovery.checked:1',
  'recovery.sealed:1',
  'recovery.segment:2',
  'recovery.done:1',
] as const;

/** Runs `body` in a world of its own, which is kept when the body fails. */
export async function inWorld<T>(options: WorldOptions, body: (world: World) => Promise<T>): Promise<T> {
  const world = await createWorld(options);
  let failed = true;
  try {
    const result = await body(world);
    failed = false;
    return result;
  } finally {
    await world.close(failed);
  }
}

/** Starts an engine and waits until it loads into ClickHouse, so that faults hit the loading. */
export async function started(
  world: World,
  env: Readonly<Record<string, string>> = {},
): Promise<RunningEngine> {
  const engine = await world.start(env);
  if (engine === undefined) throw new Error('the engine was killed before it was ready');
  while (!(await fetch(`${engine.url}/ready`)).ok) await delay(20);
  return engine;
}

/** Loads an engine until it kills itself at a point. */
export async function killedAt(
  world: World,
  point: string,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const engine = await world.start({ MPLP_FAILPOINT: point, ...env });
  if (engine === undefined) return;
  const sending = world.client.send(engine.url, BATCHES_BEFORE);
  const ended = await Promise.race([
    engine.ended,
    delay(HIT_TIMEOUT_MS, `${point} was not reached`, { ref: false }),
  ]);
  expect(ended).toBe('SIGKILL');
  await sending;
}

/** Starts once more, lets the client send again what was not answered and some new, and judges the result. */
export async function recovered(
  world: World,
  options: Parameters<World['verdict']>[1] = {},
): Promise<Verdict> {
  const engine = await started(world);
  await world.client.settle(engine.url);
  await world.client.send(engine.url, BATCHES_AFTER);
  const verdict = await world.verdict(engine, options);
  engine.kill('SIGTERM');
  expect(await engine.ended).toBe('0');
  return verdict;
}

export function expectKept(verdict: Verdict, seed: number): void {
  expect(verdict.problems, `seed ${seed}`).toEqual([]);
}

/** One row of the matrix: load, die at the point, come back, compare. */
export async function surviveKillAt(
  options: WorldOptions,
  point: string,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  await inWorld(options, async (world) => {
    await killedAt(world, point, env);
    expectKept(await recovered(world), world.seed);
  });
}

/**
 * Flips one letter inside the first record of a segment that waits in the spool: a bit error that the Native
 * format cannot see. Returns the batches whose spans stand in that record.
 */
export function damageOneRecord(dataDir: string): Set<number> {
  for (const name of readdirSync(`${dataDir}/spool`).filter((file) => file.endsWith('.idx'))) {
    const frames = scanFrames(readFileSync(`${dataDir}/spool/${name}`), crc32c).frames;
    const block = frames
      .map(({ payload }) => decodeSidecar(payload))
      .find((frame) => frame?.kind === 'block');
    if (block?.kind !== 'block') continue;
    const path = `${dataDir}/spool/${name.replace('.idx', '.seg')}`;
    const bytes = readFileSync(path);
    const content = bytes.subarray(block.offset, block.offset + block.bytes);
    const padding = content.indexOf('"padding":"') + '"padding":"'.length;
    const batches = [...content.toString('latin1').matchAll(/"batch":(\d+)/g)].map(([, number]) =>
      Number(number),
    );
    // One bit: 'a' becomes 'c', and so on.
    content[padding]! ^= 2;
    writeFileSync(path, bytes);
    return new Set(batches);
  }
  throw new Error('there is no record to damage');
}

/** One span with these times, sent as it is; the status and the text of the answer. */
export async function sendTimes(
  engine: RunningEngine,
  times: readonly { readonly start: string; readonly end?: string }[],
): Promise<{ readonly status: number; readonly text: string }> {
  const spans = times.map((timestamp) => ({
    trace_id: randomUUID(),
    span_id: randomUUID(),
    context_id: randomUUID(),
    agent_id: randomUUID(),
    action: { name: 'times', type: 'execute' },
    timestamp,
  }));
  const reply = await fetch(`${engine.url}/v1.0/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${ADMIN_KEY}` },
    body: JSON.stringify(spans),
  });
  return { status: reply.status, text: await reply.text() };
}
