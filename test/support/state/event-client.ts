import { get, type ClientRequest } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { EngineProcess } from '../engine-process.js';
import type { LoggedEvent } from './oracle.js';

/** What one connection brought: the events behind `after`, in the order they came. */
export interface Delivery {
  readonly after: string;
  readonly ids: string[];
}

/** Follows the events of an engine, and connects again from where it was, or from before that. */
export interface EventClient {
  readonly deliveries: readonly Delivery[];
  readonly events: ReadonlyMap<string, LoggedEvent>;
  /** Two events under one id. */
  readonly contradictions: readonly string[];
  /** Breaks the connection; the next one begins so many events earlier. */
  cut(earlier: number): void;
  close(): Promise<void>;
}

const RETRY_MS = 50;

/** Where the log ends now. */
export async function endOfLog(engine: EngineProcess): Promise<string> {
  for (;;) {
    const id = await new Promise<string | undefined>((resolve) => {
      const request = open(engine, undefined, (block) => {
        resolve(block.id);
        request.destroy();
      });
      request.on('close', () => resolve(undefined));
    });
    if (id !== undefined) return id;
    await delay(RETRY_MS);
  }
}

/** @param engine asked whenever a connection is opened: it may have another port by then. */
export function followEvents(engine: () => EngineProcess, start: string): EventClient {
  const deliveries: Delivery[] = [];
  const events = new Map<string, LoggedEvent>();
  const contradictions: string[] = [];
  let order = [start];
  let isClosed = false;
  let earlier = 0;
  let request: ClientRequest | undefined;
  const run = async (): Promise<void> => {
    while (!isClosed) {
      order = order.slice(0, Math.max(1, order.length - earlier));
      earlier = 0;
      const after = order[order.length - 1] as string;
      const delivery: Delivery = { after, ids: [] };
      deliveries.push(delivery);
      await new Promise<void>((resolve) => {
        request = open(engine(), after, ({ id, event }) => {
          if (event === undefined) return;
          const known = events.get(id);
          if (known !== undefined && JSON.stringify(known) !== JSON.stringify(event)) contradictions.push(id);
          events.set(id, event);
          delivery.ids.push(id);
          order.push(id);
        });
        request.on('close', resolve);
      });
      if (!isClosed) await delay(RETRY_MS);
    }
  };
  const ended = run();
  return {
    deliveries,
    events,
    contradictions,
    cut(by) {
      earlier = by;
      request?.destroy();
    },
    async close() {
      isClosed = true;
      request?.destroy();
      await ended;
    },
  };
}

interface Block {
  readonly id: string;
  readonly event: LoggedEvent | undefined;
}

function open(
  { url, key }: EngineProcess,
  after: string | undefined,
  onBlock: (block: Block) => void,
): ClientRequest {
  const request = get(
    `${url}/v1.0/events${after === undefined ? '' : `?after=${after}`}`,
    { headers: { authorization: `Bearer ${key}` }, agent: false },
    (response) => {
      if (response.statusCode !== 200) return void response.destroy();
      let rest = '';
      response.setEncoding('utf8');
      response.on('error', () => undefined);
      response.on('data', (chunk: string) => {
        const blocks = (rest + chunk).split('\n\n');
        rest = blocks.pop() ?? '';
        for (const block of blocks) {
          const [id, data] = ['id', 'data'].map(
            (field) => new RegExp(`^${field}: (.*)$`, 'm').exec(block)?.[1],
          );
          if (id !== undefined)
            onBlock({ id, event: data === undefined ? undefined : (JSON.parse(data) as LoggedEvent) });
        }
      });
    },
  );
  request.on('error', () => undefined);
  return request;
}
