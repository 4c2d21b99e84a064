import { once } from 'node:events';
import { decode, encode } from '@msgpack/msgpack';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { startEngine, type EngineProcess } from '../support/engine-process.js';
import { ndjson, sampleSpan } from '../support/sample-span.js';

type Message = Record<string, unknown> & { credits?: { spans: number; bytes: number } };

describe('the WebSocket ingest', () => {
  let engine: EngineProcess;
  beforeAll(async () => {
    engine = await startEngine({ MPLP_MAX_INFLIGHT_BYTES: '8MiB' });
  });
  afterAll(() => engine.close());

  const address = (): string => `${engine.url.replace('http', 'ws')}/v1.0/traces/ws`;
  const open = async (
    protocols: string[] = [],
    headers: Record<string, string> = { authorization: `Bearer ${engine.key}` },
  ) => {
    const socket = new WebSocket(address(), protocols, { headers });
    const queue: Message[] = [];
    let wake = (): void => {};
    socket.on('message', (data: Buffer, isBinary) => {
      queue.push((isBinary ? decode(data) : JSON.parse(data.toString())) as Message);
      wake();
    });
    await once(socket, 'open');
    const next = async (): Promise<Message> => {
      for (;;) {
        const message = queue.shift();
        if (message !== undefined) return message;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    };
    /** The next message that is an answer, not a change of credits. */
    const answer = async (): Promise<Message> => {
      for (;;) {
        const message = await next();
        if (message.credits === undefined) return message;
      }
    };
    return { socket, next, answer };
  };

  it('grants credits, then answers each frame by its seq', async () => {
    const { socket, next, answer } = await open();
    expect((await next()).credits).toMatchObject({
      spans: expect.any(Number) as number,
      bytes: expect.any(Number) as number,
    });
    socket.send(JSON.stringify(sampleSpan()));
    expect(await answer()).toMatchObject({ seq: null, accepted: 1, rejected: 0 });
    socket.send(JSON.stringify({ seq: 7, spans: [sampleSpan(), sampleSpan()] }));
    expect(await answer()).toMatchObject({ seq: 7, accepted: 2 });
    socket.send(
      JSON.stringify({ spans: [sampleSpan()], note: { spans: 'inner', seq: 3 }, seq: 'b-1' }, null, 2),
    );
    expect(await answer()).toMatchObject({ seq: 'b-1', accepted: 1 });
    socket.send(ndjson([sampleSpan(), sampleSpan(), sampleSpan()]));
    expect(await answer()).toMatchObject({ accepted: 3 });
    socket.send(JSON.stringify([sampleSpan()]));
    expect(await answer()).toMatchObject({ accepted: 1 });
    socket.send(encode(sampleSpan()));
    expect(await answer()).toMatchObject({ accepted: 1 });
    socket.send(encode({ seq: 9, spans: Array.from({ length: 500 }, () => sampleSpan()) }));
    expect(await answer()).toMatchObject({ seq: 9, accepted: 500 });
    socket.close();
  });

  it('answers bad frames with a problem and goes on', async () => {
    const { socket, answer } = await open();
    const bad: [frame: string | Uint8Array, seq: unknown, code: string][] = [
      ['', null, 'MPLP_ERR_TRACES_EMPTY'],
      ['{', null, 'MPLP_ERR_TRACES_'],
      [JSON.stringify({ seq: 1, spans: [] }), 1, 'MPLP_ERR_TRACES_EMPTY'],
      [JSON.stringify({ seq: 2, spans: 5 }), 2, 'MPLP_ERR_TRACES_'],
      [JSON.stringify({ seq: 3, spans: [{ id: 'x' }] }), 3, 'MPLP_ERR_TRACES_INVALID'],
      [encode({ seq: 4, spans: [1] }), 4, 'MPLP_ERR_TRACES_INVALID'],
      [encode({ seq: 5, spans: [sampleSpan()] }).subarray(0, 90), 5, 'MPLP_ERR_TRACES_MALFORMED'],
      [Buffer.from([0xc1]), null, 'MPLP_ERR_TRACES_'],
      [Buffer.alloc(0), null, 'MPLP_ERR_TRACES_EMPTY'],
    ];
    for (const [frame, seq, code] of bad) {
      socket.send(frame);
      const message = (await answer()) as { seq: unknown; error: { type: string; status: number } };
      expect(message.seq, code).toEqual(seq);
      expect(message.error.type, String(seq)).toContain(code);
      expect(message.error.status).toBe(400);
    }
    socket.send(JSON.stringify({ seq: 6, spans: [sampleSpan(), { id: 'x' }] }));
    expect(await answer()).toMatchObject({ seq: 6, accepted: 1, rejected: 1, errors: [{ index: 1 }] });
    socket.close();
  });

  it('gives any seq back exactly as it came', async () => {
    const { socket, answer } = await open();
    const raw: string[] = [];
    socket.on('message', (data: Buffer, isBinary) => {
      if (!isBinary) raw.push(data.toString());
    });
    const spans = `"spans":[${JSON.stringify(sampleSpan())}]`;
    for (const seq of ['9007199254740993', '-1.50', '"a\\u0000\\"b"', 'true', '{"a":[1]}', 'null']) {
      socket.send(`{"seq":${seq},${spans}}`);
      expect(await answer()).toMatchObject({ rejected: 0 });
      expect(raw.at(-1)).toContain(`{"seq":${seq},"receipt":`);
    }
    socket.send(`{"s\\u0065q":5,${spans}}`);
    expect(await answer()).toMatchObject({ seq: 5 });
    socket.send('{"seq":6}');
    expect(await answer()).toMatchObject({ seq: 6, error: { status: 400 } });
    for (const seq of [-100, -70_000, 2 ** 40, 1.5, 'x', [1]]) {
      socket.send(encode({ seq, spans: [sampleSpan()] }));
      expect(await answer()).toMatchObject({ seq, accepted: 1 });
    }
    socket.close();
  });

  it('takes no spans of a frame that holds more than one envelope', async () => {
    const { socket, answer } = await open();
    const envelope = (seq: unknown): string => JSON.stringify({ seq, spans: [sampleSpan()] });
    const bad: (string | Uint8Array)[] = [
      `${envelope(1)}\n${envelope(2)}`,
      `${envelope(1)}x`,
      envelope(1).slice(0, -1),
      `${envelope(1).slice(0, -1)},}`,
      `${envelope(1).slice(0, -1)},"spans":[]}`,
      `{"seq":2,${envelope(1).slice(1)}`,
      `{"seq":"${'x'.repeat(300)}",${envelope(1).slice(9)}`,
      Buffer.concat([encode({ seq: 1, spans: [sampleSpan()] }), encode(sampleSpan())]),
    ];
    for (const frame of bad) {
      socket.send(frame);
      const message = (await answer()) as { error: { type: string } };
      expect(message.error?.type, String(frame).slice(-40)).toContain('MPLP_ERR_TRACES_MALFORMED');
    }
    socket.close();
  });

  it('answers a frame that is larger than the limit', async () => {
    const { socket, answer } = await open();
    socket.send(`{"seq":1,"spans":[${' '.repeat(33 * 1024 * 1024)}]}`);
    expect(await answer()).toMatchObject({ seq: 1, error: { status: 413 } });
    socket.send(JSON.stringify({ seq: 2, spans: [sampleSpan()] }));
    expect(await answer()).toMatchObject({ seq: 2, accepted: 1 });
    socket.close();
  });

  it('takes its key as a header or as a subprotocol, and nothing else', async () => {
    const { socket, answer } = await open(['mplp', `bearer.${engine.key}`], {});
    expect(socket.protocol).toBe('mplp');
    socket.send(JSON.stringify(sampleSpan()));
    expect(await answer()).toMatchObject({ accepted: 1 });
    socket.close();
    for (const headers of [{}, { authorization: 'Bearer wrong' }]) {
      const refused = new WebSocket(address(), [], { headers });
      const [request, response] = (await once(refused, 'unexpected-response')) as [
        unknown,
        { statusCode: number; resume(): void },
      ];
      void request;
      expect(response.statusCode).toBe(401);
      response.resume();
    }
  });

  it('answers a client that overruns its credits and then closes with 1013', async () => {
    const { socket, next } = await open();
    const { bytes } = (await next()).credits as { bytes: number };
    const answers: Message[] = [];
    socket.on('message', (data: Buffer) => answers.push(JSON.parse(data.toString()) as Message));
    const closed = once(socket, 'close');
    const text = 'x'.repeat(Math.floor(bytes * 0.6));
    for (let seq = 1; seq <= 8; seq++) {
      socket.send(
        JSON.stringify({
          seq,
          spans: [sampleSpan({ action: { ...sampleSpan().action, parameters: { text } } })],
        }),
      );
    }
    const [code] = (await closed) as [number];
    expect(code).toBe(1013);
    // No frame that came before the close is dropped unanswered, those taken in already least of all.
    const seqs = answers.map((message) => Number(message['seq'])).sort((a, b) => a - b);
    expect(seqs).toEqual(seqs.map((_, i) => i + 1));
    expect(answers.find((message) => message['seq'] === 1)).toMatchObject({ accepted: 1 });
    expect(
      answers.some((message) => (message['error'] as { status?: number } | undefined)?.status === 429),
    ).toBe(true);
  });
});
