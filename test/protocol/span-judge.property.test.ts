import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSpanJudge } from '#dist/protocol/index.js';
import { spanWindow } from '../support/date-spellings.js';
import { createPlainVerdict } from '../support/plain-verdict.js';
import { documentSeeds, makeSpanDocument, makeValidSpan } from '../support/span-documents.js';

const judge = createSpanJudge({ maxSpanBytes: 1024 * 1024 });

test.each(['json', 'msgpack'] as const)('spans made to be valid are valid (%s)', (form) => {
  for (let seed = 0; seed < 2000; seed += 1) {
    const bytes = makeValidSpan(seed, form);
    expect(judge.judge(bytes, form, spanWindow), Buffer.from(bytes).toString('hex')).toEqual([]);
  }
});

test.each(['json', 'msgpack'] as const)(
  'the judge agrees with a plain parser and with Ajv compiled at run time (%s)',
  (form) => {
    const plain = createPlainVerdict();
    fc.assert(
      fc.property(documentSeeds, (seed) => {
        const { bytes } = makeSpanDocument(seed, form);
        const faults = judge.judge(bytes, form, spanWindow);
        const contradiction = plain.explain(bytes, form, faults);
        expect(
          contradiction,
          `${Buffer.from(bytes).toString('hex')}\n${JSON.stringify(faults)}`,
        ).toBeUndefined();
      }),
      { numRuns: 15_000 },
    );
  },
);

test.each(['json', 'msgpack'] as const)('a report is short, whatever the input (%s)', (form) => {
  fc.assert(
    fc.property(documentSeeds, (seed) => {
      const { bytes } = makeSpanDocument(seed, form);
      const faults = judge.judge(bytes, form, spanWindow);
      expect(faults.length).toBeLessThanOrEqual(20);
      for (const { pointer, message } of faults) {
        expect(pointer.length).toBeLessThanOrEqual(500);
        expect(message.length).toBeLessThanOrEqual(600);
        expect(`${pointer}${message}`).not.toMatch(/\p{Surrogate}/u);
      }
    }),
    { numRuns: 5_000 },
  );
});
