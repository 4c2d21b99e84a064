import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEngine, createLogger, loadConfig, type Engine, type MplpError } from '#dist/index.js';
import { sampleSpan } from '../support/sample-span.js';
import { SyncClient } from '../support/sync-client.js';

let engine: Engine;
let dataDir = '';
let key = '';
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'mplp-library-'));
  const env = { MPLP_OTLP_HTTP_PORT: 'off', MPLP_OTLP_GRPC_PORT: 'off', MPLP_LOG_LEVEL: 'warn' };
  const { config } = loadConfig({ argv: ['--port', '0', '--data-dir', dataDir], env, cwd: dataDir });
  engine = await createEngine(config, createLogger({ level: 'warn', format: 'json' }));
  key = (await readFile(engine.adminKeyPath, 'utf8')).trim();
});
afterAll(async () => {
  await engine.close();
  await rm(dataDir, { recursive: true, force: true });
});

const get = async (path: string): Promise<Record<string, unknown>> => {
  const reply = await fetch(`${engine.url}/v1.0/${path}`, { headers: { authorization: `Bearer ${key}` } });
  return (await reply.json()) as Record<string, unknown>;
};
const codeOf = (run: Promise<unknown>): Promise<string | undefined> =>
  run.then(
    () => undefined,
    (error: unknown) => (error as MplpError).code,
  );

describe('StateManager', () => {
  it('creates contexts, which HTTP shows and whose events name the actor', async () => {
    const state = engine.stateManager('default', 'ann');
    const context = await state.createContext({ shared_state: { variables: { n: 1 } }, extra: [1] });
    expect(context).toMatchObject({ status: 'active', shared_state: { variables: { n: 1 } }, extra: [1] });
    expect(await get(`contexts/${context.id}`)).toEqual(context);
    expect(await state.getState(context.id)).toEqual(context);
    expect((context as { metadata?: { created_by?: string } }).metadata?.created_by).toBe('ann');
    expect(await codeOf(state.createContext({ id: context.id }))).toBe('MPLP_ERR_MODULES_ID_TAKEN');
    expect(await codeOf(state.createContext({ status: 'done' }))).toBe('MPLP_ERR_MODULES_INVALID');
  });

  it('updates all that is asked for, or nothing', async () => {
    const state = engine.stateManager();
    const { id } = await state.createContext({ shared_state: { variables: { a: 1, b: 2 } } });
    const { version } = await state.updateState(id, {
      variables: { a: 3, c: { d: [null] } },
      removeVariables: ['b'],
      lifecycleStage: 'execution',
      reason: 'begun',
      ifVersion: 1,
    });
    const { context, version: read } = await state.getVersionedState(id);
    expect(read).toBe(version);
    expect(context).toMatchObject({
      lifecycle_stage: 'execution',
      shared_state: { variables: { a: 3, c: { d: [null] } } },
      metadata: { status_reason: 'begun' },
    });
    expect(context.shared_state).toEqual({ variables: { a: 3, c: { d: [null] } } });

    const refused: [code: string, update: Parameters<typeof state.updateState>[1]][] = [
      ['MPLP_ERR_MODULES_TRANSITION', { variables: { a: 4 }, lifecycleStage: 'completion' }],
      ['MPLP_ERR_MODULES_NOT_FOUND', { variables: { a: 4 }, removeVariables: ['none'] }],
      ['MPLP_ERR_HTTP_PRECONDITION_FAILED', { variables: { a: 4 }, ifVersion: 1 }],
      ['MPLP_ERR_HTTP_PRECONDITION_FAILED', { variables: { a: 4, b: 5 }, ifVersion: 1 }],
      ['MPLP_ERR_MODULES_INVALID', { variables: { a: 4 }, status: 'done' as never }],
    ];
    for (const [code, update] of refused)
      expect([code, await codeOf(state.updateState(id, update))]).toEqual([code, code]);
    expect(await state.getVersionedState(id)).toEqual({ context, version });

    expect(await state.updateState(id, {})).toEqual({ version });
    const next = await state.updateState(id, {
      document: { name: 'n', shared_state: {}, lifecycle_stage: 'execution' },
    });
    expect(next.version).toBe(version + 1);
    expect(await state.getState(id)).toMatchObject({ name: 'n', shared_state: {} });
  });

  it('says which context is not there, and keeps projects apart', async () => {
    const { id } = await engine.stateManager().createContext({});
    const other = engine.stateManager('another');
    expect(await codeOf(other.getState(id))).toBe('MPLP_ERR_MODULES_NOT_FOUND');
    expect(await codeOf(other.updateState(id, { variables: { a: 1 } }))).toBe('MPLP_ERR_MODULES_NOT_FOUND');
    expect(await codeOf(other.updateState(id, {}))).toBe('MPLP_ERR_MODULES_NOT_FOUND');
    expect(await codeOf(other.syncState(id))).toBe('MPLP_ERR_MODULES_NOT_FOUND');
    for (const odd of ['ctx-123', id.toUpperCase(), '', '\0'])
      expect(await codeOf(other.getState(odd))).toBe('MPLP_ERR_MODULES_INVALID');
  });

  it('brings connected nodes up to date, and counts what it does', async () => {
    const state = engine.stateManager();
    const { id } = await state.createContext({});
    const node = await SyncClient.open({ url: engine.url, key } as never, 'node-1');
    node.subscribe(id);
    await node.until(() => node.version === 1);
    const { version } = await state.updateState(id, { variables: { seen: true } });
    const results = await state.syncState(id, ['node-1', 'nobody']);
    expect(results).toMatchObject([
      { node_id: 'node-1', status: 'acknowledged', version },
      { node_id: 'nobody', status: 'not_connected' },
    ]);
    expect(node.document).toMatchObject({ shared_state: { variables: { seen: true } } });
    expect(await state.syncState(id, undefined, { type: 'full' })).toMatchObject([{ node_id: 'node-1' }]);
    await node.close();
    await codeOf(state.getState(randomUUID()));
    expect(state.getStateMetrics().operations).toMatchObject({
      createContext: { count: 1, failed: 0 },
      updateState: { count: 1, failed: 0 },
      syncState: { count: 2, failed: 0 },
      getState: { count: 1, failed: 1 },
    });
  });
});

describe('TraceCollector', () => {
  const stored = { durability: 'stored' } as const;
  const span = (changes: Parameters<typeof sampleSpan>[0] = {}) => sampleSpan(changes) as never;

  it('records spans and finds them, as HTTP does', async () => {
    const traces = engine.traceCollector();
    const [traceId, agentId] = [randomUUID(), randomUUID()];
    const first = sampleSpan({ trace_id: traceId, agent_id: agentId, extra: { kept: '☃' } });
    const others = [1, 2].map(() => sampleSpan({ trace_id: traceId, agent_id: agentId }));
    expect(await traces.recordTrace(first as never, stored)).toMatchObject({ accepted: 1, status: 'stored' });
    expect(await traces.recordBatch(others as never[], stored)).toMatchObject({ accepted: 2, rejected: 0 });
    const found = await traces.queryTraces({ trace_id: traceId });
    expect(found).toHaveLength(3);
    expect(found).toContainEqual(first);
    expect(((await get(`traces/${traceId}/spans`)) as { spans: unknown[] }).spans).toEqual(found);
    const another = span({ agent_id: agentId, metadata: { tags: { colour: 'red' } } });
    await traces.recordTrace(another, stored);
    expect(await traces.queryTraces({ agent_id: agentId })).toHaveLength(4);
    expect(await traces.queryTraces({ agent_id: agentId, limit: 2 })).toHaveLength(2);
    expect(await traces.queryTraces({ agent_id: agentId, tags: { colour: 'red' } })).toEqual([another]);
    expect(await traces.queryTraces({ agent_id: agentId, tags: { colour: 'blue' } })).toEqual([]);
    expect(await traces.queryTraces({ trace_id: randomUUID() })).toEqual([]);
    expect(await engine.traceCollector('another').queryTraces({ trace_id: traceId })).toEqual([]);
    for (const odd of [{ trace_id: 'x' }, { agent_id: 'x' }, { limit: 0 }, { limit: 1e9 }, { nonsense: 1 }])
      expect(await codeOf(traces.queryTraces(odd as never))).toBe('MPLP_ERR_HTTP_BAD_REQUEST');
  });

  it('names the spans that are not valid, and counts', async () => {
    const traces = engine.traceCollector();
    const wrong = { ...sampleSpan(), agent_id: 'agent-1' };
    expect(await codeOf(traces.recordTrace(wrong as never))).toBe('MPLP_ERR_TRACES_INVALID');
    const batch = [span(), wrong as never, span()];
    expect(await traces.recordBatch(batch)).toMatchObject({
      accepted: 2,
      rejected: 1,
      errors: [{ index: 1, errors: [{ pointer: '/agent_id' }] }],
    });
    expect(await traces.recordBatch(batch)).toMatchObject({ accepted: 0, duplicates: 2 });
    expect(await codeOf(traces.recordBatch([]))).toBe('MPLP_ERR_TRACES_EMPTY');
    expect(traces.getTraceMetrics()).toMatchObject({
      spans: { accepted: 2, rejected: 3, duplicates: 2 },
      operations: { recordTrace: { count: 1, failed: 1 }, recordBatch: { count: 3, failed: 1 } },
    });
  });

  it('streams spans as they come, of its project and filter', async () => {
    const traces = engine.traceCollector();
    const agentId = randomUUID();
    const stream = traces.streamTraces({ agent_id: agentId });
    const next = stream.next();
    const mine = [1, 2, 3].map(() => sampleSpan({ agent_id: agentId }));
    await engine.traceCollector('another').recordTrace(span({ agent_id: agentId }));
    await traces.recordTrace(span());
    for (const one of mine) await traces.recordTrace(one as never);
    expect((await next).value).toEqual(mine[0]);
    const rest: unknown[] = [];
    for await (const one of stream) {
      rest.push(one);
      if (rest.length === 2) break;
    }
    expect(rest).toEqual(mine.slice(1));
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(() => traces.streamTraces({ agent_id: 'x' })).toThrow('agent_id');
    const text = await (
      await fetch(`${engine.url}/metrics`, { headers: { authorization: `Bearer ${key}` } })
    ).text();
    expect(text).toMatch(/^mplp_tail_subscribers 0$/m);
  });

  it('ends a stream that waits, by return', async () => {
    const stream = engine.traceCollector().streamTraces();
    const waiting = [stream.next(), stream.next()];
    await stream.return?.();
    for (const one of await Promise.all(waiting)) expect(one.done).toBe(true);
  });
});

describe('the protocol services of an engine', () => {
  it('keep schemas in its Postgres', async () => {
    const schemas = engine.protocol.schemaValidator('a project');
    await schemas.registerSchema('fixed', { type: 'string' });
    expect((await schemas.validate(3, 'fixed')).valid).toBe(false);
    expect(await schemas.listSchemas()).toContain('fixed');
    const { records } = await engine.protocol.registry.register(
      'default',
      [{ schemaId: 'fixed', schema: true }],
      'ann',
    );
    expect(await get('schemas/fixed')).toMatchObject({ created_at: records[0]?.createdAt, schema: true });
  });
});

it('all parts end with the engine', async () => {
  const own = await mkdtemp(join(tmpdir(), 'mplp-library-'));
  const env = { MPLP_OTLP_HTTP_PORT: 'off', MPLP_OTLP_GRPC_PORT: 'off' };
  const { config } = loadConfig({ argv: ['--port', '0', '--data-dir', own], env, cwd: own });
  const second = await createEngine(config, createLogger({ level: 'warn', format: 'json' }));
  const next = second.traceCollector().streamTraces().next();
  const traces = second.traceCollector();
  await second.close();
  expect((await next).done).toBe(true);
  expect(await codeOf(traces.recordTrace(sampleSpan() as never))).toBe('MPLP_ERR_TRACES_DRAINING');
  expect(await codeOf(second.stateManager().createContext({}))).toBe('MPLP_ERR_STORE_UNAVAILABLE');
  await rm(own, { recursive: true, force: true });
});
