/**
 * What Jaeger calls the service of a span, and its kind, for a row `s` of `spans`. The view behind `service_operations`
 * (schemas/clickhouse) has the same expressions: a change here is a change there.
 */

/** The service of an OTLP span, else the tag `service.name`, else the agent's id. One look into the tags: it costs an insert. */
export const SERVICE_NAME = `multiIf(s.service_name != '', s.service_name, s.tags['service.name'] != '', s.tags['service.name'], toString(s.agent_id))`;

/** `internal`, `server`, `client`, `producer`, `consumer`, or '' when an OTLP span did not say: its shape begins with its kind. */
export const SPAN_KIND = `multiIf(s.otel_shape != '', transform(substring(s.otel_shape, 1, 1), ['1', '2', '3', '4', '5'], ['internal', 'server', 'client', 'producer', 'consumer'], ''), s.action_type = 'invoke', 'client', 'internal')`;
