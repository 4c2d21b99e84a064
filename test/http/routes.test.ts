import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngine, type EngineProcess } from '../support/engine-process.js';

describe('routes', () => {
  let engine: EngineProcess;
  beforeAll(async () => {
    engine = await startEngine();
  });
  afterAll(() => engine.close());

  const guarded: [method: string, path: string][] = [
    ['POST', '/v1.0/traces'],
    ['GET', '/v1.0/traces'],
    ['GET', '/v1.0/traces/receipts/x'],
    ['GET', '/v1.0/traces/21111111-1111-4111-8111-111111111111/spans'],
    ['GET', '/v1.0/traces/21111111-1111-4111-8111-111111111111/export'],
    ['GET', '/v1.0/traces/stream'],
    ['POST', '/v1.0/query'],
    ['GET', '/v1.0/dead-letters'],
    ['POST', '/v1.0/dead-letters/replay'],
    ['POST', '/v1.0/protocol/parse'],
    ['POST', '/v1.0/protocol/validate'],
    ['POST', '/v1.0/protocol/validate/batch'],
    ['POST', '/v1.0/protocol/serialize'],
    ['POST', '/v1.0/protocol/transform'],
    ['POST', '/v1.0/protocol/merge'],
    ['GET', '/v1.0/schemas'],
    ['POST', '/v1.0/schemas'],
    ['GET', '/v1.0/schemas/x'],
    ['GET', '/metrics'],
  ];

  it('ask for a key, on both base paths', async () => {
    for (const [method, path] of guarded) {
      for (const url of [path, path.replace('/v1.0', '/api/v1/mplp')]) {
        for (const headers of [
          {},
          { authorization: 'Bearer nope' },
          { authorization: 'Basic abc' },
          { 'x-api-key': 'nope' },
        ] as Record<string, string>[]) {
          const response = await fetch(engine.url + url, {
            method,
            headers,
            ...(method === 'POST' && { body: '{}' }),
          });
          expect(response.status, `${method} ${url}`).toBe(401);
          expect(response.headers.get('www-authenticate'), url).toContain('Bearer');
          expect(await response.json(), url).toMatchObject({ status: 401, instance: url });
        }
      }
    }
  });

  it('answer health and readiness to anyone', async () => {
    expect(await (await fetch(`${engine.url}/health`)).json()).toMatchObject({ status: 'ok' });
    const ready = await fetch(`${engine.url}/ready`);
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({
      status: 'ready',
      parts: { spool: { ok: true }, clickhouse: { ok: true } },
    });
    expect((await fetch(`${engine.url}/health`, { method: 'HEAD' })).status).toBe(200);
  });

  it('say 404 and 405 as problems', async () => {
    const missing = await fetch(`${engine.url}/v1.0/nothing`);
    expect(missing.status).toBe(404);
    expect(await missing.json()).toMatchObject({ type: 'https://mplp.dev/errors/MPLP_ERR_HTTP_NOT_FOUND' });
    const wrong = await fetch(`${engine.url}/health`, { method: 'PUT' });
    expect(wrong.status).toBe(405);
    expect(wrong.headers.get('allow')).toContain('GET');
    const options = await fetch(`${engine.url}/v1.0/traces`, { method: 'OPTIONS' });
    expect(options.status).toBe(204);
    expect(options.headers.get('allow')).toContain('POST');
  });

  it('carry the trace id of the caller into problems', async () => {
    const response = await fetch(`${engine.url}/v1.0/nothing`, {
      headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
    });
    expect(await response.json()).toMatchObject({ trace_id: '0af7651916cd43dd8448eb211c80319c' });
  });
});
