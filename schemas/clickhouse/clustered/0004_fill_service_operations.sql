-- Services and operations of spans that came before `service_operations` was there: those of its first day and of all days
-- before it. Counting a row again changes nothing, since rows of a key become one.
INSERT INTO service_operations (project_id, service_name, operation, span_kind, agent_id, received_at)
SELECT project_id, service, operation, kind, agent_id, max(received)
FROM
(
    SELECT
        project_id,
        multiIf(
            service_name != '', service_name,
            tags['service.name'] != '', tags['service.name'],
            toString(agent_id)) AS service,
        action_name AS operation,
        multiIf(
            otel_shape != '',
            transform(
                substring(otel_shape, 1, 1),
                ['1', '2', '3', '4', '5'], ['internal', 'server', 'client', 'producer', 'consumer'], ''),
            action_type = 'invoke', 'client', 'internal') AS kind,
        agent_id,
        received_at AS received
    FROM spans
    WHERE toDate(received_at) <= (SELECT if(count() = 0, toDate('2149-06-06'), min(toDate(received_at))) FROM service_operations)
)
GROUP BY project_id, service, operation, kind, agent_id, toDate(received)
SETTINGS max_partitions_per_insert_block = 0, distributed_foreground_insert = 1;
