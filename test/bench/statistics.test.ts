import { expect, test } from 'vitest';
import { median, quantile, relativeMad, relativeSpread, significant } from '../../bench/statistics.mjs';

test('quantiles are values that were measured', () => {
  const values = [5, 1, 4, 2, 3];
  expect(quantile(values, 0)).toBe(1);
  expect(quantile(values, 0.5)).toBe(3);
  expect(quantile(values, 0.99)).toBe(5);
  expect(quantile(values, 1)).toBe(5);
  expect(quantile(Float64Array.of(7), 0.99)).toBe(7);
  expect(quantile([], 0.5)).toBeNaN();
  expect(values).toEqual([5, 1, 4, 2, 3]);
});

test('median and distances', () => {
  expect(median([4, 1, 3])).toBe(3);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
  expect(relativeMad([10, 11, 10, 30])).toBeCloseTo(0.5 / 10.5);
  expect(relativeMad([2, 2, 2])).toBe(0);
  expect(relativeSpread([9, 10, 12])).toBeCloseTo(0.3);
});

test('figures are cut to significant digits, and what is no number is null', () => {
  expect(significant(1234.567, 5)).toBe(1234.6);
  expect(significant(0.000123456)).toBe(0.0001235);
  expect(significant(NaN)).toBeNull();
});
