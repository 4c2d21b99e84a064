import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { startEngine } from '../support/engine-process.js';

const crowd = fileURLToPath(new URL('../support/socket-crowd.mjs', import.meta.url));
const PER_PROCESS = 5_000;

it('holds 10,000 open WebSockets and answers on each', async () => {
  const engine = await startEngine();
  try {
    const url = `${engine.url.replace('http', 'ws')}/v1.0/traces/ws`;
    const run = (): Promise<{ opened: number; accepted: number; stillOpen: number; failures: string[] }> =>
      new Promise((resolve, reject) => {
        const child = spawn(
          'sh',
          [
            '-c',
            'ulimit -n 20000 && exec "$@"',
            'sh',
            process.execPath,
            crowd,
            url,
            engine.key,
            String(PER_PROCESS),
          ],
          {
            stdio: ['ignore', 'pipe', 'inherit'],
          },
        );
        let out = '';
        child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
        child.on('exit', (code) =>
          code === 0 ? resolve(JSON.parse(out) as never) : reject(new Error(`the crowd ended with ${code}`)),
        );
      });
    const results = await Promise.all([run(), run()]);
    for (const result of results) {
      expect(result).toEqual({
        opened: PER_PROCESS,
        accepted: PER_PROCESS,
        stillOpen: PER_PROCESS,
        failures: [],
      });
    }
    expect((await fetch(`${engine.url}/health`)).status).toBe(200);
  } finally {
    await engine.close();
  }
}, 120_000);
