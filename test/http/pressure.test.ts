import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { startEngine } from '../support/engine-process.js';
import { connectRaw } from '../support/raw-http.js';
import { ndjson, sampleSpan } from '../support/sample-span.js';

it('answers 429 with Retry-After when the spool is full, and takes spans again when it is not', async () => {
  // A ClickHouse that never answers: nothing leaves the spool.
  const engine = await startEngine({
    CLICKHOUSE_URL: 'http://127.0.0.1:9',
    MPLP_SPOOL_MAX_BYTES: '1MiB',
    MPLP_SPOOL_RESERVE_BYTES: '0',
  });
  try {
    const statuses: number[] = [];
    let refused: Response | undefined;
    for (let i = 0; i < 40 && refused === undefined; i++) {
      const response = await fetch(`${engine.url}/v1.0/traces`, {
        method: 'POST',
        headers: { authorization: `Bearer ${engine.key}`, 'content-type': 'application/x-ndjson' },
        body: ndjson(Array.from({ length: 200 }, () => sampleSpan())),
      });
      statuses.push(response.status);
      if (response.status !== 202) refused = response;
    }
    expect(statuses[0]).toBe(202);
    expect(refused?.status).toBe(429);
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(await refused?.json()).toMatchObject({
      status: 429,
      type: expect.stringContaining('MPLP_ERR_TRACES_SPOOL_FULL') as string,
    });
    expect((await fetch(`${engine.url}/health`)).status).toBe(200);
    expect((await fetch(`${engine.url}/ready`)).status).toBe(503);
  } finally {
    await engine.close();
  }
});

it('answers 429 when more body bytes are under way than memory is granted for', async () => {
  const engine = await startEngine({ MPLP_MAX_INFLIGHT_BYTES: '1MiB', MPLP_MAX_BODY_BYTES: '2MiB' });
  try {
    const head = (length: number): string =>
      `POST /v1.0/traces HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${engine.key}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
    const slow = await connectRaw(engine.url);
    await slow.write(head(1_000_000) + '[');
    await delay(100);
    const text = ndjson(Array.from({ length: 300 }, () => sampleSpan()));
    const refused = await fetch(`${engine.url}/v1.0/traces`, {
      method: 'POST',
      headers: { authorization: `Bearer ${engine.key}`, 'content-type': 'application/x-ndjson' },
      body: text,
    });
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('1');
    slow.destroy();
    await delay(200);
    const taken = await fetch(`${engine.url}/v1.0/traces`, {
      method: 'POST',
      headers: { authorization: `Bearer ${engine.key}`, 'content-type': 'application/x-ndjson' },
      body: text,
    });
    expect(taken.status).toBe(202);
  } finally {
    await engine.close();
  }
});

it('drains on SIGTERM: what is under way is finished, nothing new is taken, exit code 0', async () => {
  const engine = await startEngine();
  const span = JSON.stringify(sampleSpan());
  const open = await connectRaw(engine.url);
  await open.write(
    `POST /v1.0/traces HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${engine.key}\r\nContent-Type: application/json\r\nContent-Length: ${span.length}\r\n\r\n${span.slice(0, 50)}`,
  );
  await delay(100);
  process.kill(engine.pid, 'SIGTERM');
  await delay(300);
  await expect(fetch(`${engine.url}/health`)).rejects.toThrow();
  await open.write(span.slice(50));
  expect(await open.until('"accepted":1')).toContain('HTTP/1.1 202');
  expect(await engine.close()).toBe(0);
});
