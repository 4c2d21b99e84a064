import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';

// scripts/native-leak.mjs without an argument does a million batches.
test('memory is flat over 100,000 batches', () => {
  const text = execFileSync(process.execPath, ['--expose-gc', 'scripts/native-leak.mjs', '100000'], {
    encoding: 'utf8',
  });
  expect(text).toContain('100000 batches');
  expect(text).toMatch(/grown by .* MiB/);
}, 120_000);
