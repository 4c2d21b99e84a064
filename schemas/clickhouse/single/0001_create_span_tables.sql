-- Spans arrive in `span_intake` (one INSERT a spool segment) and views spread them over the tables below.
-- Every table remembers the deduplication tokens of its last 10,000 inserts, so a segment sent twice counts once,
-- also when the first attempt filled only some of them.
-- Inserts are large already, so merges begin when 16 parts of a size have come together instead of 5: a span is
-- rewritten less often, which halves the CPU of merges, and a partition of a day keeps some dozens of parts.
-- An insert writes compact parts whatever its size, since a file a column would be some 120 more files to sync;
-- merges make them wide. When merges do not keep up, inserts give way to them long before queries suffer.
CREATE TABLE IF NOT EXISTS span_intake
(
    project_id LowCardinality(String),
    trace_id UUID,
    span_id UUID,
    parent_span_id UUID,
    id UUID,
    context_id UUID,
    agent_id UUID,
    action_name LowCardinality(String),
    action_type Enum8('execute' = 1, 'invoke' = 2, 'validate' = 3, 'complete' = 4),
    status Enum8('unset' = 0, 'success' = 1, 'failure' = 2, 'timeout' = 3, 'cancelled' = 4),
    start_time DateTime64(9, 'UTC'),
    duration_ns Int64,
    fields UInt32,
    seq UInt64,
    received_at DateTime('UTC'),
    error String,
    metrics String,
    parameters String,
    output String,
    action_duration String,
    metadata String,
    extra String,
    tags Map(LowCardinality(String), String),
    service_name LowCardinality(String),
    gen_ai_model LowCardinality(String),
    gen_ai_provider LowCardinality(String),
    finish_reason LowCardinality(String),
    tool_name LowCardinality(String),
    otel_resource LowCardinality(String),
    otel_scope LowCardinality(String),
    otel_shape LowCardinality(String),
    input_tokens UInt64,
    output_tokens UInt64,
    cached_tokens UInt64
)
ENGINE = Null;

-- What every search reads, trace first. The row with the highest seq of a span is the span.
CREATE TABLE IF NOT EXISTS spans
(
    project_id LowCardinality(String),
    trace_id UUID,
    span_id UUID CODEC(ZSTD(1)),
    parent_span_id UUID CODEC(ZSTD(1)),
    id UUID,
    context_id UUID CODEC(ZSTD(1)),
    agent_id UUID CODEC(ZSTD(1)),
    action_name LowCardinality(String) CODEC(ZSTD(1)),
    action_type Enum8('execute' = 1, 'invoke' = 2, 'validate' = 3, 'complete' = 4),
    status Enum8('unset' = 0, 'success' = 1, 'failure' = 2, 'timeout' = 3, 'cancelled' = 4),
    start_time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    duration_ns Int64 CODEC(T64, ZSTD(1)),
    fields UInt32 CODEC(ZSTD(1)),
    seq UInt64 CODEC(Delta, ZSTD(1)),
    received_at DateTime('UTC'),
    error String,
    metrics String,
    payload_bytes UInt32,
    tags Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    service_name LowCardinality(String) CODEC(ZSTD(1)),
    gen_ai_model LowCardinality(String),
    gen_ai_provider LowCardinality(String),
    finish_reason LowCardinality(String),
    tool_name LowCardinality(String),
    otel_resource LowCardinality(String) CODEC(ZSTD(1)),
    otel_scope LowCardinality(String) CODEC(ZSTD(1)),
    otel_shape LowCardinality(String) CODEC(ZSTD(1)),
    input_tokens UInt64,
    output_tokens UInt64,
    cached_tokens UInt64,
    INDEX start_time_range start_time TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(seq)
PARTITION BY toDate(received_at)
ORDER BY (project_id, trace_id, span_id)
SETTINGS string_serialization_version = 'single_stream', non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1,
    ttl_only_drop_parts = 1, merge_selector_base = 16, min_level_for_wide_part = 1, parts_to_delay_insert = 300;

-- The large texts, in order of arrival: nothing to sort, cheap to merge, found by the seq of the span.
CREATE TABLE IF NOT EXISTS span_payloads
(
    project_id LowCardinality(String),
    seq UInt64 CODEC(Delta, LZ4),
    received_at DateTime('UTC'),
    parameters String,
    output String,
    action_duration String,
    metadata String CODEC(ZSTD(1)),
    extra String
)
ENGINE = MergeTree
PARTITION BY toDate(received_at)
ORDER BY (project_id, seq)
SETTINGS index_granularity = 512, non_replicated_deduplication_window = 10000, fsync_after_insert = 1,
    fsync_part_directory = 1, ttl_only_drop_parts = 1, merge_selector_base = 16, min_level_for_wide_part = 1;

-- One row a trace once merged. A span that is sent again is counted again: the exact numbers come from `spans`.
CREATE TABLE IF NOT EXISTS trace_summaries
(
    project_id LowCardinality(String),
    trace_id UUID,
    start_time SimpleAggregateFunction(min, DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
    end_time SimpleAggregateFunction(max, DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
    span_count SimpleAggregateFunction(sum, UInt64),
    error_count SimpleAggregateFunction(sum, UInt64),
    agents SimpleAggregateFunction(groupUniqArrayArray, Array(UUID)) CODEC(ZSTD(1)),
    contexts SimpleAggregateFunction(groupUniqArrayArray, Array(UUID)),
    received_at SimpleAggregateFunction(max, DateTime('UTC'))
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(received_at)
ORDER BY (project_id, trace_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1,
    ttl_only_drop_parts = 1, merge_selector_base = 16, min_level_for_wide_part = 1;

-- Newest traces of a project, an agent or a context as a bounded range read. One row an insert, trace and value.
CREATE TABLE IF NOT EXISTS trace_index
(
    project_id LowCardinality(String),
    dimension Enum8('all' = 0, 'agent' = 1, 'context' = 2),
    value UUID CODEC(ZSTD(1)),
    start_time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    trace_id UUID,
    received_at DateTime('UTC')
)
ENGINE = MergeTree
PARTITION BY toDate(received_at)
ORDER BY (project_id, dimension, value, start_time, trace_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1,
    ttl_only_drop_parts = 1, merge_selector_base = 16, min_level_for_wide_part = 1;

-- Counts and latency quantiles a minute, for charts over long times.
CREATE TABLE IF NOT EXISTS action_minutes
(
    project_id LowCardinality(String),
    agent_id UUID,
    action_name LowCardinality(String),
    minute DateTime('UTC'),
    span_count SimpleAggregateFunction(sum, UInt64),
    error_count SimpleAggregateFunction(sum, UInt64),
    duration_ms AggregateFunction(quantilesDD(0.01, 0.5, 0.9, 0.99), Float64),
    received_at SimpleAggregateFunction(max, DateTime('UTC'))
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(received_at)
ORDER BY (project_id, agent_id, action_name, minute)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1,
    ttl_only_drop_parts = 1, merge_selector_base = 16;

-- Native blocks (base64) that ClickHouse would not take, whole, with its reason; replayed on demand.
CREATE TABLE IF NOT EXISTS dead_letters
(
    id String,
    span_rows UInt64,
    block_bytes UInt64,
    error String,
    failed_at DateTime64(3, 'UTC'),
    block String CODEC(ZSTD(1)),
    version UInt64,
    removed UInt8
)
ENGINE = ReplacingMergeTree(version, removed)
ORDER BY id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- What a million tokens of a model cost, in US dollars. The rows of the newest version count; the engine writes them
-- from its price file when it starts, and whoever changes them here changes what past spans cost.
CREATE TABLE IF NOT EXISTS model_prices
(
    model String,
    input Float64,
    output Float64,
    cached Float64,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY model
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS span_intake_to_spans TO spans AS
SELECT
    project_id, trace_id, span_id, parent_span_id, id, context_id, agent_id, action_name, action_type, status,
    start_time, duration_ns, fields, seq, received_at, error, metrics,
    toUInt32(length(parameters) + length(output) + length(metadata) + length(extra)) AS payload_bytes, tags,
    service_name, gen_ai_model, gen_ai_provider, finish_reason, tool_name, otel_resource, otel_scope, otel_shape,
    input_tokens, output_tokens, cached_tokens
FROM span_intake;

CREATE MATERIALIZED VIEW IF NOT EXISTS span_intake_to_span_payloads TO span_payloads AS
SELECT project_id, seq, received_at, parameters, output, action_duration, metadata, extra
FROM span_intake;

CREATE MATERIALIZED VIEW IF NOT EXISTS span_intake_to_trace_summaries TO trace_summaries AS
SELECT
    project_id,
    trace_id,
    min(span.start_time) AS start_time,
    max(addNanoseconds(span.start_time, greatest(span.duration_ns, 0))) AS end_time,
    count() AS span_count,
    countIf(status IN ('failure', 'timeout')) AS error_count,
    groupUniqArray(agent_id) AS agents,
    groupUniqArrayIf(context_id, context_id != trace_id) AS contexts,
    max(span.received_at) AS received_at
FROM span_intake AS span
GROUP BY project_id, trace_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS trace_summaries_to_trace_index TO trace_index AS
SELECT
    project_id,
    tupleElement(entry, 1) AS dimension,
    tupleElement(entry, 2) AS value,
    start_time,
    trace_id,
    received_at
FROM trace_summaries
ARRAY JOIN arrayConcat(
    [('all', toUUID('00000000-0000-0000-0000-000000000000'))],
    arrayMap(agent -> ('agent', agent), agents),
    arrayMap(context -> ('context', context), contexts)) AS entry;

CREATE MATERIALIZED VIEW IF NOT EXISTS span_intake_to_action_minutes TO action_minutes AS
SELECT
    project_id,
    agent_id,
    action_name,
    toStartOfMinute(start_time) AS minute,
    count() AS span_count,
    countIf(status IN ('failure', 'timeout')) AS error_count,
    quantilesDDStateIf(0.01, 0.5, 0.9, 0.99)(span.duration_ns / 1e6, span.duration_ns >= 0) AS duration_ms,
    max(span.received_at) AS received_at
FROM span_intake AS span
GROUP BY project_id, agent_id, action_name, minute;
