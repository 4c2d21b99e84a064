/**
 * Collects rows into batches of `batchRows`, or what has come after `flushAfterMs`, and inserts at most
 * `maxInserts` batches at a time. `add` waits while too much is under way, so memory stays bounded.
 *
 * @param {object} options
 * @param {(rows: object[]) => Promise<void>} options.insert
 * @param {number} options.batchRows
 * @param {number} options.flushAfterMs
 * @param {number} options.maxInserts
 * @param {(error: Error) => void} options.onError
 */
export function createBatcher({ insert, batchRows, flushAfterMs, maxInserts, onError }) {
  /** @type {object[]} */
  let rows = [];
  /** @type {Set<Promise<void>>} */
  const inserts = new Set();
  /** @type {NodeJS.Timeout | undefined} */
  let timer;

  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (rows.length === 0) return;
    const batch = rows;
    rows = [];
    const done = insert(batch)
      .catch(onError)
      .finally(() => inserts.delete(done));
    inserts.add(done);
  };

  return {
    /** @param {object} row */
    push(row) {
      rows.push(row);
      if (rows.length >= batchRows) flush();
      else timer ??= setTimeout(flush, flushAfterMs);
    },
    /** Resolves when there is room for more. */
    async room() {
      while (inserts.size >= maxInserts) await Promise.race(inserts);
    },
    async close() {
      flush();
      await Promise.all(inserts);
    },
  };
}
