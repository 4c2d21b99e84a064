import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';

// scripts/native-leak.mjs without arguments does a million batches and 400 threads. It fails by its exit status.
test('memory is flat over 100,000 batches and 96 threads', () => {
  const text = execFileSync(process.execPath, ['--expose-gc', 'scripts/native-leak.mjs', '100000', '96'], {
    encoding: 'utf8',
  });
  expect(text).toContain('100000 batches');
  expect(text).toContain('96 threads');
  expect(text.match(/^flat: in the second half/gm)).toHaveLength(2);
}, 120_000);
