import { WebSocket, WebSocketServer } from 'ws';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createSocketSender, type SocketSender, type Span } from '#dist/client/index.js';

interface Frame {
  readonly seq: number;
  readonly spans: readonly Span[];
}

let server: WebSocketServer | undefined;
let sender: SocketSender | undefined;
afterEach(async () => {
  await sender?.close();
  server?.clients.forEach((client) => client.terminate());
  server?.close();
});

/** The far end: grants credits at once and hands each frame to the test. */
async function serve(
  credits: { spans: number; bytes: number },
  onFrame: (frame: Frame, socket: WebSocket, connection: number) => void,
) {
  const listening = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  server = listening;
  let connections = 0;
  const protocols: string[] = [];
  listening.on('connection', (socket, request) => {
    const connection = ++connections;
    protocols.push(request.headers['sec-websocket-protocol'] ?? '');
    socket.send(JSON.stringify({ credits }));
    socket.on('message', (data) =>
      onFrame(JSON.parse((data as Buffer).toString()) as Frame, socket, connection),
    );
  });
  await new Promise((resolve) => listening.once('listening', resolve));
  return { url: `http://127.0.0.1:${(listening.address() as AddressInfo).port}`, protocols };
}

const connect = (url: string, protocols: string[]) => new WebSocket(url, protocols);
const receiptFor = (frame: Frame) =>
  JSON.stringify({
    seq: frame.seq,
    receipt: `r${frame.seq}`,
    accepted: frame.spans.length,
    rejected: 0,
    duplicates: 0,
    errors: [],
    errors_truncated: false,
  });
const span = (name: string) => ({ action: { name } }) as unknown as Span;

describe('the socket sender', () => {
  it('matches answers to frames by their number, whatever their order', async () => {
    const held: [Frame, WebSocket][] = [];
    const { url, protocols } = await serve({ spans: 100, bytes: 1e6 }, (frame, socket) => {
      held.push([frame, socket]);
      if (held.length === 3) for (const [f, s] of held.reverse()) s.send(receiptFor(f));
    });
    sender = createSocketSender({ url, key: 'secret', connect });
    const receipts = await Promise.all([
      sender.send([span('a')]),
      sender.send([span('b'), span('c')]),
      sender.send([span('d')]),
    ]);
    expect(receipts.map(({ accepted }) => accepted)).toEqual([1, 2, 1]);
    expect(protocols).toEqual(['mplp,bearer.secret']);
  });

  it('never has more unanswered than the credits allow', async () => {
    let unanswered = 0;
    let most = 0;
    const { url } = await serve({ spans: 2, bytes: 1e6 }, (frame, socket) => {
      unanswered += frame.spans.length;
      most = Math.max(most, unanswered);
      setTimeout(() => {
        unanswered -= frame.spans.length;
        socket.send(receiptFor(frame));
      }, 2);
    });
    const own = createSocketSender({ url, connect });
    sender = own;
    await Promise.all(Array.from({ length: 12 }, (_, i) => own.send([span(String(i))])));
    expect(most).toBe(2);
  });

  it('sends a frame that is larger than all credits alone', async () => {
    const { url } = await serve({ spans: 1, bytes: 10 }, (frame, socket) => socket.send(receiptFor(frame)));
    sender = createSocketSender({ url, connect });
    expect((await sender.send([span('a'), span('b')])).accepted).toBe(2);
  });

  it('sends again after an overload, and after a lost connection with the same bytes', async () => {
    const seen: string[] = [];
    const { url } = await serve({ spans: 10, bytes: 1e6 }, (frame, socket, connection) => {
      seen.push(JSON.stringify(frame));
      if (seen.length === 1) {
        const problem = {
          type: 'https://mplp.dev/errors/MPLP_ERR_TRACES_OVERLOADED',
          title: 't',
          status: 429,
          detail: 'd',
        };
        socket.send(JSON.stringify({ seq: frame.seq, error: { ...problem, retry_after_seconds: 0.01 } }));
      } else if (connection === 1) socket.terminate();
      else socket.send(receiptFor(frame));
    });
    sender = createSocketSender({ url, connect });
    expect((await sender.send([span('a')])).receipt).toBe('r1');
    expect(seen).toHaveLength(3);
    expect(new Set(seen).size).toBe(1);
  });

  it('rejects what the engine refuses, with its code', async () => {
    const { url } = await serve({ spans: 10, bytes: 1e6 }, (frame, socket) => {
      const problem = {
        type: 'https://mplp.dev/errors/MPLP_ERR_TRACES_INVALID',
        title: 't',
        status: 400,
        detail: 'no span is valid',
      };
      socket.send(JSON.stringify({ seq: frame.seq, error: problem }));
    });
    sender = createSocketSender({ url, connect });
    await expect(sender.send([span('a')])).rejects.toMatchObject({
      code: 'MPLP_ERR_TRACES_INVALID',
      status: 400,
      message: 'no span is valid',
    });
  });

  it('gives up when nobody takes its connections', async () => {
    const { url } = await serve({ spans: 1, bytes: 1 }, () => {});
    server?.close();
    server?.clients.forEach((client) => client.terminate());
    sender = createSocketSender({ url, connect, maxAttempts: 2 });
    await expect(sender.send([span('a')])).rejects.toMatchObject({ code: 'UNREACHABLE' });
  });
});
