import fc from 'fast-check';
import { applyPatch } from 'rfc6902';
import { describe, expect, it } from 'vitest';
import { createPatch } from '#dist/modules/contexts/index.js';

const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(null, true, false, 0, 1, '', 'a', 'a/b~c'),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'a/b', '~', '', 'c~1'), tie('value'), {
      maxKeys: 4,
      noNullPrototype: true,
    }),
  ),
})).value;

describe('a patch between two versions', () => {
  it('makes the later one of the earlier one, as another implementation applies it', () => {
    fc.assert(
      fc.property(json, json, (before, after) => {
        const document = { root: structuredClone(before) };
        const faults = applyPatch(
          document,
          structuredClone(createPatch({ root: before }, { root: after })) as never,
        );
        expect(faults.every((fault) => fault === null)).toBe(true);
        expect(document).toEqual({ root: after });
      }),
      { numRuns: 2_000 },
    );
  });

  it('says nothing of what did not change', () => {
    expect(createPatch({ a: [1, { b: 2 }], c: 'x' }, { a: [1, { b: 3 }], c: 'x' })).toEqual([
      { op: 'replace', path: '/a/1/b', value: 3 },
    ]);
    expect(createPatch({ a: 1 }, { a: 1 })).toEqual([]);
  });
});
