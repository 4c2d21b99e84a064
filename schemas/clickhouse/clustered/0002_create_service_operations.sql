-- Which services, operations and kinds of span there are, and which agents stand behind a service: for lists that may
-- not read all spans. One number to group by halves what it costs an insert. What service and kind a span has is written in src/traces/jaeger/service-name.ts as well.
CREATE TABLE IF NOT EXISTS service_operations_local ON CLUSTER '{cluster}'
(
    project_id LowCardinality(String),
    service_name LowCardinality(String),
    operation LowCardinality(String),
    span_kind LowCardinality(String),
    agent_id UUID,
    received_at SimpleAggregateFunction(max, DateTime('UTC'))
)
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{database}/service_operations', '{replica}')
PARTITION BY toDate(received_at)
ORDER BY (project_id, service_name, operation, span_kind, agent_id)
SETTINGS replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800, fsync_after_insert = 1, fsync_part_directory = 1,
    ttl_only_drop_parts = 1, merge_selector_base = 16;

CREATE TABLE IF NOT EXISTS service_operations ON CLUSTER '{cluster}' AS service_operations_local
ENGINE = Distributed('{cluster}', '{database}', service_operations_local, cityHash64(project_id, service_name));

CREATE MATERIALIZED VIEW IF NOT EXISTS span_intake_to_service_operations ON CLUSTER '{cluster}' TO service_operations AS
SELECT
    any(project) AS project_id,
    if(any(name) != '', any(name), toString(any(agent))) AS service_name,
    any(action) AS operation,
    any(kind) AS span_kind,
    any(agent) AS agent_id,
    max(received) AS received_at
FROM
(
    SELECT
        project_id AS project,
        agent_id AS agent,
        action_name AS action,
        received_at AS received,
        if(service_name != '', service_name, tags['service.name']) AS name,
        multiIf(
            otel_shape != '',
            transform(
                substring(otel_shape, 1, 1),
                ['1', '2', '3', '4', '5'], ['internal', 'server', 'client', 'producer', 'consumer'], ''),
            action_type = 'invoke', 'client', 'internal') AS kind
    FROM span_intake
)
GROUP BY cityHash64(project, agent, action, name, kind);
