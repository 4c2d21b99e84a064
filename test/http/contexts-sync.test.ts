import { applyPatch } from 'rfc6902';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { startEngineWithState, type EngineProcess } from '../support/engine-process.js';

interface Message {
  readonly type: string;
  readonly context_id: string;
  readonly version: number;
  readonly from_version?: number;
  readonly document?: Record<string, unknown>;
  readonly patch?: unknown[];
  readonly error?: { status: number };
}

/** A node that keeps the context as the messages say. */
class Node {
  readonly messages: Message[] = [];
  document: Record<string, unknown> = {};
  version = 0;
  acknowledges = true;
  private wake = (): void => {};

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data: Buffer) => this.take(JSON.parse(data.toString()) as Message));
  }

  static async open(engine: EngineProcess, nodeId: string): Promise<Node> {
    const socket = new WebSocket(`${engine.url.replace('http', 'ws')}/v1.0/contexts/ws?node_id=${nodeId}`, {
      headers: { authorization: `Bearer ${engine.key}` },
    });
    const node = new Node(socket);
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    return node;
  }

  send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  subscribe(contextId: string, version = this.version): void {
    this.send({ type: 'subscribe', context_id: contextId, version });
  }

  async until(isReached: () => boolean): Promise<void> {
    while (!isReached()) await new Promise<void>((resolve) => (this.wake = resolve));
  }

  close(): Promise<unknown> {
    const closed = new Promise((resolve) => this.socket.once('close', resolve));
    this.socket.close();
    return closed;
  }

  private take(message: Message): void {
    this.messages.push(message);
    if (message.type === 'full') this.document = message.document ?? {};
    if (message.type === 'incremental') {
      expect(message.from_version).toBe(this.version);
      const faults = applyPatch(this.document, message.patch as never);
      expect(faults.every((fault) => fault === null)).toBe(true);
    }
    if (message.type === 'full' || message.type === 'incremental') {
      this.version = message.version;
      if (this.acknowledges)
        this.send({ type: 'ack', context_id: message.context_id, version: message.version });
    }
    this.wake();
  }
}

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
    const node = await Node.open(engine, 'node1');
    node.subscribe(id);
    await node.until(() => node.version === 1);
    expect(node.messages[0]?.type).toBe('full');
    await set(id, 'a', 1);
    await node.until(() => node.version === 2);
    expect(node.messages[1]?.type).toBe('incremental');
    await node.close();
    for (let n = 0; n < 5; n++) await set(id, `k${n}`, { n });
    const again = await Node.open(engine, 'node1');
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
    const node = await Node.open(engine, 'slow');
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
    const [ready, silent] = [await Node.open(engine, 'ready'), await Node.open(engine, 'silent')];
    silent.acknowledges = false;
    for (const type of ['full', 'incremental'] as const) {
      const reply = await call('POST', `/${id}/sync`, {
        target_nodes: ['ready', 'silent', 'absent'],
        sync_type: type,
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
    expect(await call('POST', `/${id}/sync`, {})).toMatchObject({ results: [{ node_id: 'ready' }, {}] });
    for (const body of [{ sync_type: 'x' }, { target_nodes: 'ready' }, { target_nodes: [1] }, { more: 1 }])
      expect(await call('POST', `/${id}/sync`, body)).toMatchObject({ status: 400 });
    await Promise.all([ready.close(), silent.close()]);
  }, 30_000);

  it('answers wrong frames and stays open', async () => {
    const node = await Node.open(engine, 'wrong');
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
