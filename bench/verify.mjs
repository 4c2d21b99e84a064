import { makeBodies, maskUuid } from './bodies.mjs';
import { arrivalColumns, columnDefinitions, maskedColumns, spanColumns } from './columns.mjs';

/**
 * Is what ClickHouse holds what was sent? Answered by content, along a way that shares no code with the engine:
 * the JSON text of every distinct span goes into a table of its own, ClickHouse's JSON functions cut the columns
 * out of it, the rounds' id masks are applied in SQL, and the sums of a hash over each row are compared. Sums
 * don't depend on the order of rows; a lost, doubled or changed row changes them.
 */

const database = 'bench_reference';

const contentColumns = Object.keys(spanColumns).filter((name) => !arrivalColumns.includes(name));

/** How each column follows from the JSON text `json` of a span. */
const columnFromJson = Object.freeze({
  project_id: `'default'`,
  trace_id: `toUUID(JSONExtractString(json, 'trace_id'))`,
  span_id: `toUUID(JSONExtractString(json, 'span_id'))`,
  parent_span_id: `toUUIDOrZero(JSONExtractString(json, 'parent_span_id'))`,
  id: `toUUID(JSONExtractString(json, 'id'))`,
  context_id: `toUUID(JSONExtractString(json, 'context_id'))`,
  agent_id: `toUUID(JSONExtractString(json, 'agent_id'))`,
  action_name: `JSONExtractString(json, 'action', 'name')`,
  action_type: `JSONExtractString(json, 'action', 'type')`,
  status: `if(JSONHas(json, 'result', 'status'), JSONExtractString(json, 'result', 'status'), 'unset')`,
  start_time: `parseDateTime64BestEffort(JSONExtractString(json, 'timestamp', 'start'), 9, 'UTC')`,
  duration_ns:
    `if(JSONHas(json, 'timestamp', 'end'), ` +
    `toUnixTimestamp64Nano(parseDateTime64BestEffort(JSONExtractString(json, 'timestamp', 'end'), 9, 'UTC')) - ` +
    `toUnixTimestamp64Nano(parseDateTime64BestEffort(JSONExtractString(json, 'timestamp', 'start'), 9, 'UTC')), -1)`,
  fields: fieldBits(),
  // Byte for byte what was sent: the JSON functions would write numbers anew. The names occur once in a span.
  error: `simpleJSONExtractRaw(json, 'error')`,
  metrics: `simpleJSONExtractRaw(json, 'metrics')`,
  parameters: `simpleJSONExtractRaw(json, 'parameters')`,
  output: `simpleJSONExtractRaw(json, 'output')`,
  action_duration: `JSONExtractString(json, 'action', 'duration')`,
  metadata: `simpleJSONExtractRaw(json, 'metadata')`,
  extra: `''`,
  tags:
    `mapFromArrays(JSONExtractKeysAndValuesRaw(json, 'metadata', 'tags').1, ` +
    `arrayMap(v -> if(startsWith(v, '"'), JSONExtractString(v), v), JSONExtractKeysAndValuesRaw(json, 'metadata', 'tags').2))`,
  // Of OpenTelemetry spans only.
  service_name: `''`,
  gen_ai_model: `''`,
  gen_ai_provider: `''`,
  finish_reason: `''`,
  tool_name: `''`,
  otel_resource: `''`,
  otel_scope: `''`,
  otel_shape: `''`,
  input_tokens: `0`,
  output_tokens: `0`,
  cached_tokens: `0`,
});

function fieldBits() {
  const present = [
    `'id'`,
    `'parent_span_id'`,
    `'timestamp', 'end'`,
    `'result'`,
    `'result', 'status'`,
    `'result', 'error'`,
    `'result', 'metrics'`,
    `'action', 'parameters'`,
    `'result', 'output'`,
    `'action', 'duration'`,
    `'metadata'`,
  ].map((path, bit) => `bitShiftLeft(toUInt32(JSONHas(json, ${path})), ${bit})`);
  const fractionDigits = (/** @type {string} */ key) =>
    `toUInt32(length(extract(JSONExtractString(json, 'timestamp', '${key}'), '\\\\.([0-9]+)Z$')))`;
  return [
    ...present,
    `bitShiftLeft(${fractionDigits('start')}, 12)`,
    `bitShiftLeft(${fractionDigits('end')}, 16)`,
  ].join(' + ');
}

/**
 * @typedef {object} CheckedTable
 * @property {string} name With its database.
 * @property {readonly string[]} columns Content columns that the table holds, in the order of the block.
 *
 * @typedef {object} SpanTables Where spans are stored, one row each.
 * @property {CheckedTable} main Holds the ids.
 * @property {readonly CheckedTable[]} companions Hold further columns; the sequence number joins them to `main`.
 * @property {readonly string[]} names Of all of them.
 * @property {readonly string[]} uncovered Content columns that none of them has.
 */

/**
 * Finds the tables by their columns, so that a new layout is checked without a change here.
 * @param {import('./clickhouse.mjs').ClickHouse} store
 * @returns {Promise<SpanTables>}
 */
export async function findSpanTables(store) {
  const rows = await store.rows(
    `SELECT t.database AS database, t.name AS name, groupArray(c.name) AS columns
     FROM system.tables AS t INNER JOIN system.columns AS c ON c.database = t.database AND c.table = t.name
     WHERE t.database NOT IN ('system', 'information_schema', 'INFORMATION_SCHEMA') AND t.database NOT LIKE 'bench%' AND t.engine LIKE '%MergeTree'
     GROUP BY t.database, t.name HAVING has(columns, 'seq') ORDER BY name`,
  );
  /** @type {CheckedTable[]} */
  const tables = rows.map(({ database, name, columns }) => ({
    name: `${database}.${name}`,
    columns: contentColumns.filter((column) => columns.includes(column)),
  }));
  const withIds = tables.filter(({ columns }) => columns.includes('trace_id') && columns.includes('span_id'));
  if (withIds.length === 0) throw new Error('ClickHouse has no table of spans');
  const main = withIds.reduce((widest, table) =>
    table.columns.length > widest.columns.length ? table : widest,
  );
  const covered = new Set(tables.flatMap((table) => table.columns));
  return {
    main,
    companions: tables.filter((table) => table !== main),
    names: tables.map(({ name }) => name),
    uncovered: contentColumns.filter((column) => !covered.has(column)),
  };
}

/** Database and name of the table that the loader inserts into. @param {import('./clickhouse.mjs').ClickHouse} store */
export async function findIntakeTable(store) {
  const name = await store.query(
    `SELECT database || '.' || name FROM system.tables WHERE name = 'span_intake' AND database NOT LIKE 'bench%'`,
  );
  if (name === '' || name.includes('\n'))
    throw new Error(`expected one table span_intake, found: ${name || 'none'}`);
  return name;
}

const typed = (/** @type {string} */ column) =>
  `CAST(${column} AS ${spanColumns[/** @type {keyof typeof spanColumns} */ (column)]})`;

/** Hash of what is not rewritten from round to round. @param {CheckedTable} table */
function contentHash({ columns }) {
  const rest = columns.filter((column) => !maskedColumns.includes(column)).map(typed);
  return `cityHash64(${["''", ...rest].join(', ')})`;
}

/**
 * @typedef {object} Expectation
 * @property {string} rows
 * @property {string} uniqueSpans
 * @property {string} hash Sum of a hash over every row of `main`, joined with its companions.
 * @property {Readonly<Record<string, string>>} columnHashes By column: tells which one differs when the sums do.
 */

/**
 * What the tables must hold after the first `items` bodies of a pool's row were stored, for each of `itemCounts`.
 *
 * @param {import('./clickhouse.mjs').ClickHouse} store
 * @param {import('./bodies.mjs').PoolOptions} pool
 * @param {SpanTables} tables
 * @param {readonly number[]} itemCounts
 * @returns {Promise<Map<number, Expectation>>}
 */
export async function expectContent(store, pool, tables, itemCounts) {
  await store.query(`DROP DATABASE IF EXISTS ${database}`);
  await store.query(`CREATE DATABASE ${database}`);
  try {
    await store.query(
      `CREATE TABLE ${database}.reference (body UInt32, ${columnDefinitions(contentColumns)}) ENGINE = MergeTree ORDER BY body`,
    );
    await fillReference(store, pool);
    const expectations = new Map();
    for (const items of new Set(itemCounts))
      expectations.set(items, await expectItems(store, pool.bodies, tables, items));
    return expectations;
  } finally {
    await store.query(`DROP DATABASE IF EXISTS ${database}`);
  }
}

/** @param {import('./clickhouse.mjs').ClickHouse} store @param {import('./bodies.mjs').PoolOptions} pool */
async function fillReference(store, pool) {
  const select = contentColumns.map(
    (column) => `${columnFromJson[/** @type {keyof typeof columnFromJson} */ (column)]} AS c_${column}`,
  );
  await store.query(
    `CREATE TABLE ${database}.source (body UInt32, json String) ENGINE = MergeTree ORDER BY body`,
  );
  /** @type {Buffer[]} */
  let rows = [];
  let bytes = 0;
  const flush = async () => {
    if (rows.length === 0) return;
    await store.insert(`INSERT INTO ${database}.source FORMAT RowBinary`, rows, { async_insert: 0 });
    rows = [];
    bytes = 0;
  };
  let index = 0;
  for (const body of makeBodies({ ...pool, references: true })) {
    for (const json of body.references ?? []) {
      const row = rowBinary(index, json);
      rows.push(row);
      bytes += row.length;
    }
    index++;
    if (bytes > 16 * 1024 * 1024) await flush();
  }
  await flush();
  await store.query(
    `INSERT INTO ${database}.reference (body, ${contentColumns.join(', ')}) SELECT body, ${select.join(', ')} FROM ${database}.source`,
  );
}

/** UInt32 and String in RowBinary. @param {number} body @param {string} json */
function rowBinary(body, json) {
  const length = Buffer.byteLength(json);
  const head = [body & 255, (body >>> 8) & 255, (body >>> 16) & 255, body >>> 24];
  let rest = length;
  for (; rest > 127; rest >>>= 7) head.push((rest & 127) | 128);
  head.push(rest);
  const row = Buffer.allocUnsafe(head.length + length);
  row.set(head);
  row.write(json, head.length);
  return row;
}

/**
 * @param {import('./clickhouse.mjs').ClickHouse} store
 * @param {number} bodies
 * @param {SpanTables} tables
 * @param {number} items
 * @returns {Promise<Expectation>}
 */
async function expectItems(store, bodies, tables, items) {
  const rounds = Math.ceil(items / bodies);
  const masks = Array.from(
    { length: rounds },
    (_, round) => `reinterpretAsUInt128(toUUID('${maskUuid(round)}'))`,
  ).join(', ');
  const maskedId = (/** @type {string} */ column) => {
    const masked = `reinterpretAsUUID(bitXor(reinterpretAsUInt128(${column}), mask))`;
    return column === 'parent_span_id' ? `if(bitTest(all_fields, 1), ${masked}, ${column})` : masked;
  };
  const contents = [tables.main, ...tables.companions].map(
    (table, i) => `${contentHash(table)} AS content_${i}`,
  );
  const plainColumns = contentColumns.filter((column) => !maskedColumns.includes(column));
  // Body b is sent in round r when r * bodies + b < items.
  const roundsOfBody = `toInt64(intDiv(${items - 1} - toInt64(body), ${bodies})) + (toInt64(body) < ${items} ? 1 : 0)`;
  const [columnHashes] = await store.rows(
    `SELECT ${plainColumns.map((column) => `toString(sum(cityHash64(${column}) * toUInt64(${roundsOfBody}))) AS h_${column}`).join(', ')} FROM ${database}.reference`,
  );
  const [row] = await store.rows(
    `SELECT toString(count()) AS rows, toString(uniqExact(${maskedId('span_id')})) AS uniqueSpans, toString(sum(${rowHash(tables, maskedId)})) AS hash
     FROM (SELECT body, fields AS all_fields, ${[...maskedColumns, ...contents].join(', ')} FROM ${database}.reference)
     ARRAY JOIN arraySlice([${masks}], 1, ${roundsOfBody}) AS mask`,
  );
  return {
    ...row,
    columnHashes: Object.fromEntries(plainColumns.map((column) => [column, columnHashes[`h_${column}`]])),
  };
}

/** One hash a row: over its ids and the hashes of its contents. @param {SpanTables} tables @param {(column: string) => string} readId */
function rowHash({ main, companions }, readId) {
  const ids = maskedColumns.filter((column) => main.columns.includes(column)).map(readId);
  return `cityHash64(${['content_0', ...companions.map((_, i) => `content_${i + 1}`), ...ids].join(', ')})`;
}

/**
 * Compares what is stored with the expectation.
 * @param {import('./clickhouse.mjs').ClickHouse} store
 * @param {SpanTables} tables
 * @param {Expectation} expected
 * @returns {Promise<string[]>} What differs; empty when all is as it was sent.
 */
export async function findDifferences(store, tables, expected) {
  const { main, companions, uncovered } = tables;
  const differences = uncovered.length > 0 ? [`no table holds ${uncovered.join(', ')}`] : [];
  for (const { name } of companions) {
    const rows = await store.query(`SELECT count() FROM ${name}`);
    if (rows !== expected.rows) differences.push(`${name}: ${rows} rows, ${expected.rows} sent`);
  }
  const [counts] = await store.rows(
    `SELECT toString(count()) AS rows, toString(uniqExact(span_id)) AS uniqueSpans FROM ${main.name}`,
  );
  if (counts.rows !== expected.rows)
    differences.push(`${main.name}: ${counts.rows} rows, ${expected.rows} sent`);
  if (counts.uniqueSpans !== expected.uniqueSpans)
    differences.push(`${main.name}: ${counts.uniqueSpans} span ids, ${expected.uniqueSpans} sent`);

  const ids = maskedColumns.filter((column) => main.columns.includes(column));
  const joins = companions.map(
    (table, i) =>
      `INNER JOIN (SELECT seq, ${contentHash(table)} AS content_${i + 1} FROM ${table.name}) AS companion_${i + 1} USING (seq)`,
  );
  const hash = await store.query(
    `SELECT sum(${rowHash(tables, (column) => column)}) FROM (SELECT seq, ${ids.join(', ')}, ${contentHash(main)} AS content_0 FROM ${main.name}) AS main ${joins.join(' ')}`,
  );
  if (hash !== expected.hash)
    differences.push(`content differs in ${await findColumns(store, [main, ...companions], expected)}`);
  return differences;
}

/** @param {import('./clickhouse.mjs').ClickHouse} store @param {readonly CheckedTable[]} tables @param {Expectation} expected */
async function findColumns(store, tables, expected) {
  const differing = [];
  for (const { name, columns } of tables) {
    const plain = columns.filter((column) => !maskedColumns.includes(column));
    const [row] = await store.rows(
      `SELECT ${plain.map((column) => `toString(sum(cityHash64(${typed(column)}))) AS h_${column}`).join(', ')} FROM ${name}`,
    );
    for (const column of plain)
      if (row[`h_${column}`] !== expected.columnHashes[column]) differing.push(`${name}.${column}`);
  }
  return differing.length > 0 ? differing.join(', ') : 'the ids, or in which row a value stands';
}
