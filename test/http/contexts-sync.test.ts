import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngineWithState, type EngineProcess } from '../support/engine-process.js';
import { SyncClient } from '../support/sync-client.js';

describe('sync of contexts to nodes', () => {
  let engine: EngineProcess;
  beforeAll(async () => {
    engine = await startEngineWithState();
  });
  afterAll(() => engine.close());

  const call = async (method: string, path: string, body?: object): Promise<Record<string, unknown>> => {
    const response = await fetch(`${engine.url}/v1.0/contexts${path}`, {
      method,
      headers: { authorization: `Bearer ${engine.key}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return response.status === 204 ? {} : ((await response.json()) as Record<string, unknown>);
  };
  const create = async (): Promise<string> => (await call('POST', '', {}))['id'] as string;
  const set = (id: string, key: string, value: unknown): Promise<Record<string, unknown>> =>
    call('POST', `/${id}/variables`, { key, value });

  it('sends the whole document first, then what changed, and what a node missed when it comes back', async () => {
    const id = await create();
    const node = await SyncClient.open(engine, 'node1');
    node.subscribe(id);
    await node.until(() => node.version === 1);
    expect(node.messages[0]?.type).toBe('full');
    await set(id, 'a', 1);
    await node.until(() => node.version === 2);
    expect(node.messages[1]?.type).toBe('incremental');
    await node.close();
    for (let n = 0; n < 5; n++) await set(id, `k${n}`, { n });
    const again = await SyncClient.open(engine, 'node1');
    Object.assign(again, { document: node.document, version: node.version });
    again.subscribe(id);
    await again.until(() => again.version === 7);
    expect(again.messages.map(({ type }) => type)).toEqual(['incremental']);
    expect(again.document).toEqual(await call('GET', `/${id}`));
    again.subscribe(id);
    await again.until(() => again.messages.at(-1)?.type === 'current');
    await call('DELETE', `/${id}`);
    await again.until(() => again.messages.at(-1)?.type === 'deleted');
    await again.close();
  });

  it('joins changes for a node that is slow to acknowledge, and brings it to the last one', async () => {
    const id = await create();
    const node = await SyncClient.open(engine, 'slow');
    node.acknowledges = false;
    node.subscribe(id);
    await node.until(() => node.version === 1);
    for (let n = 0; n < 20; n++) await set(id, 'n', n);
    expect(node.messages.length).toBe(1);
    node.acknowledges = true;
    node.send({ type: 'ack', context_id: id, version: 1 });
    await node.until(() => node.version === 21);
    expect(node.document).toEqual(await call('GET', `/${id}`));
    expect(node.messages.length).toBeLessThan(10);
    await node.close();
  });

  it('tells of each node what it acknowledged, and how long it took', async () => {
    const id = await create();
    const [ready, silent] = [await SyncClient.open(engine, 'ready'), await SyncClient.open(engine, 'silent')];
    silent.acknowledges = false;
    for (const type of ['full', 'incremental'] as const) {
      const reply = await call('POST', `/${id}/sync`, {
        target_nodes: ['ready', 'silent', 'absent'],
        sync_type: type,
        timeout_ms: 500,
      });
      expect(reply).toMatchObject({
        context_id: id,
        version: 1,
        sync_type: type,
        results: [
          { node_id: 'ready', status: 'acknowledged', version: 1 },
          { node_id: 'silent', status: 'timeout', version: 0 },
          { node_id: 'absent', status: 'not_connected' },
        ],
      });
    }
    expect(ready.document).toEqual(await call('GET', `/${id}`));
    expect(await call('POST', `/${id}/sync`, { timeout_ms: 500 })).toMatchObject({
      results: [{ node_id: 'ready' }, {}],
    });
    for (const body of [
      { sync_type: 'x' },
      { target_nodes: 'ready' },
      { target_nodes: [1] },
      { timeout_ms: 0 },
      { more: 1 },
    ])
      expect(await call('POST', `/${id}/sync`, body)).toMatchObject({ status: 400 });
    await Promise.all([ready.close(), silent.close()]);
  });

  it('answers wrong frames and stays open', async () => {
    const node = await SyncClient.open(engine, 'wrong');
    const id = await create();
    const frames = [
      '{',
      '[]',
      '{"type":"x","context_id":"' + id + '"}',
      '{"type":"subscribe","context_id":"x"}',
    ];
    for (const frame of frames) node.socket.send(frame);
    node.send({ type: 'subscribe', context_id: id, version: -1 });
    node.send({ type: 'subscribe', context_id: '00000000-0000-4000-8000-000000000000' });
    await node.until(() => node.messages.length === 6);
    expect(node.messages.map((message) => message.error?.status).sort()).toEqual([
      400, 400, 400, 400, 400, 404,
    ]);
    node.subscribe(id);
    await node.until(() => node.version === 1);
    await node.close();
  });
});
