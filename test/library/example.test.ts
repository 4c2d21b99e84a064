import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { root } from '../support/cli-process.js';

it('the example runs an engine of its own, uses it and ends', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'mplp-example-'));
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['examples/embed-engine.mjs', '--port', '0', '--data-dir', dataDir],
      {
        cwd: root,
        env: { PATH: process.env['PATH'] ?? '', MPLP_OTLP_HTTP_PORT: 'off', MPLP_OTLP_GRPC_PORT: 'off' },
      },
    );
    const lines = stdout.trim().split('\n');
    expect(lines).toEqual([
      'context {"variables":{"budget":90}}',
      'span true greet',
      'schema [{"pointer":"/text","keyword":"required","message":"is required"}]',
    ]);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});
