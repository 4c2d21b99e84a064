import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileLinearPattern } from '#dist/protocol/registry/linear-pattern.js';

const atom = fc.constantFrom(
  'a',
  'b',
  '.',
  '\\s',
  '\\S',
  '\\d',
  '\\D',
  '\\w',
  '\\W',
  '\\b',
  '[\\s_]',
  '[^\\s]',
  '[\\S\\n]',
  '[^\\S]',
  '[a-c]',
  '[[:x]',
  '[^]',
  '\\u0041',
  '\\u{1F600}',
  '\\x41',
  '\\/',
  '/',
  '\\.',
  '\\cJ',
  '\\p{L}',
  '[.]',
  '[\\]]',
  '[\\b]',
  '\\t',
  '(?<name>a)',
  '^',
  '$',
);
const quantifier = fc.constantFrom('', '', '', '*', '+?', '{1,3}', '?');
const piece = fc
  .tuple(atom, quantifier)
  .map(([one, times]) => (/^(\^|\$|\\b)$/.test(one) ? one : one + times));
const pattern = fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join(''));
const text = fc
  .array(
    fc.constantFrom(
      'a',
      'b',
      'A',
      '_',
      ' ',
      '\u00a0',
      '\u2028',
      '\ufeff',
      '\n',
      '\r',
      '\t',
      '\b',
      '1',
      '.',
      '/',
      ']',
      '[',
      ':',
      'x',
      'é',
      '😀',
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(''));

test('patterns match what ECMA-262 says', () => {
  fc.assert(
    fc.property(pattern, text, (source, input) => {
      let expected: RegExp;
      try {
        expected = new RegExp(source, 'u');
      } catch {
        expect(() => compileLinearPattern(source)).toThrow('ECMA-262');
        return;
      }
      expect(compileLinearPattern(source).test(input)).toBe(expected.test(input));
    }),
    { numRuns: 3000 },
  );
});
