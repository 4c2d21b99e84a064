import { applyPatch } from 'rfc6902';
import { expect } from 'vitest';
import { WebSocket } from 'ws';
import type { EngineProcess } from './engine-process.js';

export interface SyncMessage {
  readonly type: string;
  readonly context_id: string;
  readonly version: number;
  readonly from_version?: number;
  readonly document?: Record<string, unknown>;
  readonly patch?: unknown[];
  readonly error?: { status: number };
}

/** A node that keeps the context as the messages say. */
export class SyncClient {
  readonly messages: SyncMessage[] = [];
  document: Record<string, unknown> = {};
  version = 0;
  acknowledges = true;
  private wake = (): void => {};

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data: Buffer) => this.take(JSON.parse(data.toString()) as SyncMessage));
  }

  static async open(engine: EngineProcess, nodeId: string): Promise<SyncClient> {
    const socket = new WebSocket(`${engine.url.replace('http', 'ws')}/v1.0/contexts/ws?node_id=${nodeId}`, {
      headers: { authorization: `Bearer ${engine.key}` },
    });
    const node = new SyncClient(socket);
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

  private take(message: SyncMessage): void {
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
