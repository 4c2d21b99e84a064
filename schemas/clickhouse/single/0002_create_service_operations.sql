-- Which services, operations and kinds of span there are, and which agents stand behind a service: for lists that may
-- not read all spans. What service and kind a span has is written in src/traces/jaeger/service-name.ts as well.
CREATE TABLE IF NOT EXISTS service_operations
(
    project_id LowCardinality(String),
    service_name LowCardinality(String),
    operation LowCardinality(String),
    span_kind LowCardinality(String),
    agent_id UUID,
    received_at SimpleAggregateFunction(max, DateTime('UTC'))
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(received_at)
ORDER BY (project_id, service_name, operation, span_kind, agent_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1,
    ttl_only_drop_parts = 1, merge_selector_base = 16;

CREATE MATERIALIZED VIEW IF NOT EXISTS span_intake_to_service_operations TO service_operations AS
SELECT
    span.project_id AS project_id,
    multiIf(
        span.service_name != '', span.service_name,
        span.tags['service.name'] != '', span.tags['service.name'],
        span.tags['agent.name'] != '', span.tags['agent.name'],
        span.tags['gen_ai.agent.name'] != '', span.tags['gen_ai.agent.name'],
        toString(span.agent_id)) AS service_name,
    span.action_name AS operation,
    multiIf(
        span.otel_shape != '',
        transform(
            substring(span.otel_shape, 1, 1),
            ['1', '2', '3', '4', '5'], ['internal', 'server', 'client', 'producer', 'consumer'], ''),
        span.action_type = 'invoke', 'client', 'internal') AS span_kind,
    span.agent_id AS agent_id,
    max(span.received_at) AS received_at
FROM span_intake AS span
GROUP BY project_id, service_name, operation, span_kind, agent_id;
