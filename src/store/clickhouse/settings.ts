/**
 * Settings that the acknowledgement contract relies on (reliability rules I2 and I3). Every one is set
 * explicitly, per table or per query, and read back at start: their defaults moved between versions.
 */

/** Tables that the segment insert fills, with what `create_table_query` must say of each. */
export const requiredTableSettings: Readonly<Record<string, Readonly<Record<string, number>>>> =
  Object.fromEntries(
    ['spans', 'span_payloads', 'trace_summaries', 'trace_index', 'action_minutes', 'service_operations'].map(
      (table) => [
        table,
        { non_replicated_deduplication_window: 10_000, fsync_after_insert: 1, fsync_part_directory: 1 },
      ],
    ),
  );

/** Settings of the segment insert. */
export const insertSettings: Readonly<Record<string, string | number>> = {
  async_insert: 0,
  insert_deduplicate: 1,
  deduplicate_insert: 'enable',
  deduplicate_blocks_in_dependent_materialized_views: 1,
  max_insert_threads: 1,
  // One segment is one block, so that its token stands for the whole of it.
  max_insert_block_size: 16_777_216,
  min_insert_block_size_rows: 16_777_216,
  min_insert_block_size_bytes: 4_294_967_296,
  // The replacing happens in merges and reads; doing it in the insert costs CPU and changes nothing.
  optimize_on_insert: 0,
  max_partitions_per_insert_block: 100,
  // In a cluster the insert returns when the shards have the rows.
  distributed_foreground_insert: 1,
  input_format_parallel_parsing: 0,
  wait_end_of_query: 1,
  max_execution_time: 0,
};
