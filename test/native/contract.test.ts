import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { loadNative } from '#dist/native/index.js';
import { slotNames } from '#dist/native/span-decoder.js';

test('the addon and its TypeScript side name the same slots', () => {
  const raw = createRequire(import.meta.url)('../../build/Release/mplp.node') as { slots: string[] };
  expect(raw.slots).toEqual([...slotNames]);
});

test('the contract check passes', () => {
  expect(execFileSync(process.execPath, ['scripts/check-native-contract.mjs'], { encoding: 'utf8' })).toBe(
    '',
  );
});

test('each instruction set of this processor can be chosen, and gives the same bytes', () => {
  const run = (instructionSet: string): { instructionSet: string; digest: string } =>
    JSON.parse(
      execFileSync(process.execPath, ['test/native/children/digest.mjs'], {
        encoding: 'utf8',
        env: { ...process.env, SIMDJSON_FORCE_IMPLEMENTATION: instructionSet },
      }),
    ) as { instructionSet: string; digest: string };
  const best = loadNative().instructionSet;
  const sets = process.arch === 'x64' ? ['icelake', 'haswell', 'westmere', 'fallback'] : [best, 'fallback'];
  const usable = sets.slice(sets.indexOf(best));
  const digests = usable.map((name) => {
    const { instructionSet, digest } = run(name);
    expect(instructionSet).toBe(name);
    return digest;
  });
  expect(new Set(digests).size).toBe(1);
});
