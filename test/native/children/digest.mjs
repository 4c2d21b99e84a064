// Decodes a fixed set of bodies and prints one digest of everything that comes out. The environment variable
// SIMDJSON_FORCE_IMPLEMENTATION says with which instruction set.
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadNative } from '#dist/native/index.js';

const native = loadNative();
const decoder = native.createSpanDecoder();
const digest = createHash('sha256');
const options = {
  projectId: 'p',
  seqBase: 1n << 40n,
  receivedAtSeconds: 1,
  minTimeUnixNano: 0n,
  maxTimeUnixNano: 1n << 62n,
  maxSpanBytes: 1 << 20,
};

const folder = mkdtempSync(join(tmpdir(), 'mplp-corpus-'));
try {
  execFileSync(process.execPath, ['native/fuzz/make_corpus.mjs', folder]);
  for (const target of readdirSync(folder).sort()) {
    const form = target.replace('fuzz_', '').replaceAll('_', '-');
    for (const name of readdirSync(join(folder, target)).sort()) {
      const body = readFileSync(join(folder, target, name));
      // Cut at each place as well, which breaks it in every way there is.
      for (let length = 0; length <= body.length; length += 1) {
        const result = decoder.decode(body, length, form, options);
        digest.update(
          JSON.stringify([result.total, result.accepted, [...result.refused], result.malformed ?? null]),
        );
        digest.update(native.contentHash(body, length));
      }
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}
const into = new Uint8Array(decoder.maxBlockBytes);
const block = decoder.take(into);
digest.update(into.subarray(0, block.bytes)).update(String(block.crc32c));
console.log(JSON.stringify({ instructionSet: native.instructionSet, digest: digest.digest('hex') }));
