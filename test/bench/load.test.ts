import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { idInRound, makeBodies } from '../../bench/bodies.mjs';
import { startProcess, type RunningProcess } from '../../bench/engine.mjs';
import { createLoad, type Load, type Mark } from '../../bench/load.mjs';

const spansPerBody = 20;
const pool = { seed: 5, baseTimeMs: Date.UTC(2026, 0, 2), bodies: 4, spansPerBody };
let floor: RunningProcess;
let load: Load;

beforeAll(async () => {
  floor = await startProcess('bench/floor/server.mjs', { FLOOR_SPANS_PER_BODY: String(spansPerBody) });
});
afterAll(async () => {
  expect(await floor.stop()).toBe(0);
});
afterEach(() => load.close());

test.each(['ndjson', 'json', 'msgpack', 'ws-msgpack'] as const)(
  '%s: sends every body once and adds up the receipts',
  async (form) => {
    load = createLoad();
    const prepared = await load.prepare({ ...pool, form });
    expect(prepared).toMatchObject({ bodies: 4, spans: 4 * spansPerBody });
    const marks: Mark[] = [];
    const run = await load.run(
      { url: floor.ready.url, token: 'none', from: 0, to: 30, connections: 3, markEvery: 10 },
      (mark: Mark) => marks.push(mark),
    );
    expect(run).toMatchObject({ spans: 30 * spansPerBody, accepted: 30 * spansPerBody, retries: 0 });
    expect(run.ackMs.length).toBe(30);
    expect(run.ackMs.every((ms: number) => ms > 0)).toBe(true);
    expect(run.bytes > 0 && run.jsonBytes > 0 && run.cpuMicros > 0 && run.endMs > run.startMs).toBe(true);
    const bodies = [...makeBodies({ ...pool, form })];
    expect(marks.map(({ traceId }) => traceId).sort()).toEqual(
      [0, 10, 20].map((item) => idInRound(bodies[item % 4]!.markTraceId, Math.floor(item / 4))).sort(),
    );
  },
);

test('single spans go through autocannon, one a request', async () => {
  load = createLoad();
  await load.prepare({ ...pool, form: 'single', spansPerBody: 1, bodies: 50 });
  const { url, seen, close } = await startRecorder(() => 202);
  const run = await load.run({ url, token: 'none', from: 0, to: 120, connections: 7 });
  await close();
  expect(run).toMatchObject({ spans: 120, accepted: 120 });
  expect(seen.length).toBe(120);
  const ids = seen.map((text) => (JSON.parse(text) as { span_id: string }).span_id);
  expect(new Set(ids).size).toBe(120);
});

test('a body that is refused for overload is sent again, unchanged', async () => {
  load = createLoad();
  await load.prepare({ ...pool, form: 'ndjson' });
  const { url, seen, close } = await startRecorder((request) => (request === 3 ? 429 : 202));
  const run = await load.run({ url, token: 'none', from: 0, to: 8, connections: 2 });
  await close();
  expect(run).toMatchObject({ spans: 8 * spansPerBody, accepted: 8 * spansPerBody, retries: 1 });
  expect(seen.length).toBe(9);
  expect(new Set(seen).size).toBe(8);
});

test('any other refusal ends the run with what the server said', async () => {
  load = createLoad();
  await load.prepare({ ...pool, form: 'ndjson' });
  const { url, close } = await startRecorder(() => 400);
  await expect(load.run({ url, token: 'none', from: 0, to: 2, connections: 1 })).rejects.toThrow(
    /answered 400/,
  );
  await close();
});

/** A server that keeps the bodies; `statusOf` gets the number of the request, from 1. */
async function startRecorder(statusOf: (request: number) => number) {
  const seen: string[] = [];
  const server = http.createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    request.on('end', () => {
      seen.push(text);
      const reply = JSON.stringify({ accepted: text.trimEnd().split('\n').length });
      response
        .writeHead(statusOf(seen.length), { 'Content-Length': reply.length, 'Retry-After': 0 })
        .end(reply);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, close };
}
