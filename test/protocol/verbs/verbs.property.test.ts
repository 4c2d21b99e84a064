import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createProtocolEngine, type DocumentFormat, type JsonObject } from '#dist/protocol/index.js';
import {
  currentContext,
  currentPlan,
  draftContext,
  draftPlan,
  withSortedEdges,
} from '../../support/protocol-documents.js';

const engine = createProtocolEngine();
const runs = { numRuns: 200 };
const cases = [
  ['context', '0.9', draftContext],
  ['context', '1.0', currentContext],
  ['plan', '0.9', draftPlan],
  ['plan', '1.0', currentPlan],
] as const;

describe.each(cases)('a %s of %s', (type, version, documents) => {
  const other = version === '0.9' ? '1.0' : '0.9';
  const parse = (document: JsonObject) => engine.parse(JSON.stringify(document), type);

  test('is recognised, and the same after transforming there and back', () => {
    fc.assert(
      fc.property(documents, (document) => {
        const object = parse(document);
        expect(object.version).toBe(version);
        const there = engine.transform(object, other);
        expect(there.version).toBe(other);
        const back = engine.transform(parse(there.document), version);
        expect(withSortedEdges(back.document)).toEqual(withSortedEdges(object.document));
      }),
      runs,
    );
  });

  test('is accepted by the 1.0 schema, as it is or as what it becomes', () => {
    fc.assert(
      fc.property(documents, (document) => {
        const errors = engine
          .validate(parse(document))
          .errors.filter(({ keyword }) => keyword !== 'circularDependency');
        expect(errors).toEqual([]);
      }),
      runs,
    );
  });

  test('reads back equal from every format', () => {
    fc.assert(
      fc.property(
        documents,
        fc.constantFrom<DocumentFormat>('json', 'yaml', 'msgpack'),
        (document, format) => {
          const object = parse(document);
          expect(engine.parse(engine.serialize(object, format), type, format).document).toEqual(
            object.document,
          );
        },
      ),
      runs,
    );
  });

  test('is itself when merged with itself, and valid when merged with another', () => {
    fc.assert(
      fc.property(documents, documents, (first, second) => {
        const [left, right] = [parse(first), parse(second)];
        const current = engine.transform(left, '1.0');
        expect(engine.merge([left]).document).toEqual(current.document);
        expect(engine.merge([left, left]).document).toEqual(current.document);
        const merged = engine.merge([left, right]);
        expect(merged.document['id']).toBe(current.document['id']);
        const errors = engine
          .validate(merged)
          .errors.filter(({ keyword }) => keyword !== 'circularDependency');
        expect(errors).toEqual([]);
      }),
      runs,
    );
  });
});
