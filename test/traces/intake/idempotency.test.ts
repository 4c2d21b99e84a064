import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createEngine } from '#dist/engine.js';
import { loadConfig } from '#dist/config/index.js';
import { createLogger } from '#dist/observability/log.js';
import { sampleSpan } from '../../support/sample-span.js';

it('an Idempotency-Key is remembered with its body across a restart', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'mplp-idempotency-'));
  const adminKey = 'a-key-that-is-long-enough';
  const { config } = loadConfig({
    argv: ['--port', '0', '--data-dir', dataDir, '--admin-key', adminKey],
    env: {},
    cwd: dataDir,
  });
  const log = createLogger({ level: 'silent', format: 'json' });
  const [body, other] = [JSON.stringify(sampleSpan()), JSON.stringify(sampleSpan())];
  const run = async <T>(work: (post: (text: string) => Promise<Response>) => Promise<T>): Promise<T> => {
    const engine = await createEngine(config, log);
    try {
      return await work((text) =>
        fetch(`${engine.url}/v1.0/traces`, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${adminKey}`,
            'content-type': 'application/json',
            'idempotency-key': 'batch-1',
          },
          body: text,
        }),
      );
    } finally {
      await engine.close();
    }
  };
  try {
    const first = (await run(async (post) => (await post(body)).json())) as { receipt: string };
    await run(async (post) => {
      // Answered with the receipt of the first body, the spans of the second would be lost in silence.
      expect((await post(other)).status).toBe(422);
      expect(await (await post(body)).json()).toMatchObject({
        receipt: first.receipt,
        accepted: 0,
        duplicates: 1,
      });
    });
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});
