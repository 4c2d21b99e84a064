/**
 * Nearest-rank quantile.
 * @param {readonly number[] | Float64Array} values Any order; not changed.
 * @param {number} q In [0, 1].
 */
export function quantile(values, q) {
  if (values.length === 0) return NaN;
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))];
}

/** Middle value; the mean of the two middle ones for an even count. @param {readonly number[]} values */
export function median(values) {
  if (values.length === 0) return NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/**
 * Median absolute deviation as a part of the median: how far rounds of the same thing lie apart.
 * @param {readonly number[]} values
 */
export function relativeMad(values) {
  const middle = median(values);
  return middle === 0 ? 0 : median(values.map((value) => Math.abs(value - middle))) / Math.abs(middle);
}

/** (largest - smallest) / median. @param {readonly number[]} values */
export function relativeSpread(values) {
  return values.length === 0 ? 0 : (Math.max(...values) - Math.min(...values)) / Math.abs(median(values));
}

/** @param {number} value @param {number} digits Significant digits. */
export function significant(value, digits = 4) {
  return Number.isFinite(value) ? Number(value.toPrecision(digits)) : null;
}
