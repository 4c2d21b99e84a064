/**
 * The native decoder accepts a document exactly when the judge does, in every body form. At least 100,000
 * documents a run; VERDICT_SEED repeats one, VERDICT_DOCUMENTS makes a longer one.
 */
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadNative } from '#dist/native/index.js';
import { createSpanJudge, type SpanJudge } from '#dist/protocol/index.js';
import { createComparison, type BatchBody } from '../support/native-verdicts.js';
import { createPlainVerdict } from '../support/plain-verdict.js';
import type { Form } from '../support/document-node.js';
import { documentSeeds, makeLeadingSpan, makeSpanDocument } from '../support/span-documents.js';

const seed = Number(process.env['VERDICT_SEED'] ?? Date.now() % 0x7fff_ffff);
const documentsPerForm = { json: 0.6, msgpack: 0.4 };
const totalDocuments = Number(process.env['VERDICT_DOCUMENTS'] ?? 100_000);
const batchSize = 50;
const maxSpanBytes = 1024 * 1024;
const createJudge = (limit: number): SpanJudge => createSpanJudge({ maxSpanBytes: limit });

function check(contradiction: string | undefined): void {
  if (contradiction !== undefined) throw new Error(contradiction);
}

const bodies: Record<Form, readonly BatchBody[]> = {
  json: ['ndjson', 'json array'],
  msgpack: ['msgpack sequence', 'msgpack array'],
};

test.each(['json', 'msgpack'] as const)(
  'native decoder and judge give the same verdict (%s)',
  async (form) => {
    const comparison = createComparison(loadNative().createSpanDecoder(), createJudge, maxSpanBytes);
    const plain = createPlainVerdict();
    const batches = Math.ceil((totalDocuments * documentsPerForm[form]) / batchSize);
    process.stderr.write(`verdict property (${form}): seed ${seed}, ${batches * batchSize} documents\n`);
    const first = makeLeadingSpan(form);
    let valid = 0;

    await fc.assert(
      fc.asyncProperty(
        fc.array(documentSeeds, { minLength: batchSize, maxLength: batchSize }),
        async (seeds) => {
          // The runner gives up on a test process that does not answer for a minute.
          await setImmediate();
          const documents = seeds.map((documentSeed) => makeSpanDocument(documentSeed, form));
          for (const document of documents) {
            check(comparison.compareAlone(document));
            check(comparison.compareBrokenArray(first, document));
            const faults = comparison.faultsOf(document);
            if (faults.length === 0) valid += 1;
            const contradiction = plain.explain(document.bytes, form, faults);
            check(contradiction && `${contradiction}: ${Buffer.from(document.bytes).toString('hex')}`);
          }
          // A valid span leads, so that a byte order mark or an array is inside the body and not its start.
          for (const body of bodies[form]) check(comparison.compareBatch([first, ...documents], body));
          const size = documents[0]?.bytes.length ?? 0;
          for (const limit of [size - 1, size, size + 1]) {
            check(comparison.compareAlone(documents[0] ?? first, Math.max(limit, 0)));
          }
        },
      ),
      { seed, numRuns: batches },
    );
    // Documents of one kind only would prove little.
    expect(valid / (batches * batchSize)).toBeGreaterThan(0.25);
    expect(valid / (batches * batchSize)).toBeLessThan(0.75);
  },
  300_000,
);

test.each(['json', 'msgpack'] as const)(
  'bodies of thousands of spans (%s)',
  async (form) => {
    const comparison = createComparison(loadNative().createSpanDecoder(), createJudge, maxSpanBytes);
    for (let round = 0; round < 3; round += 1) {
      const documents = Array.from({ length: 2000 }, (_, index) =>
        makeSpanDocument(seed + round * 2000 + index, form),
      );
      for (const body of bodies[form])
        check(comparison.compareBatch([makeLeadingSpan(form), ...documents], body));
    }
  },
  300_000,
);
