/**
 * What Jaeger calls the service of a span, and its kind, for a row `s` of `spans`. The view behind `service_operations`
 * (schemas/clickhouse) has the same expressions: a change here is a change there.
 */

/** The name that the span gives its service or agent, else the agent's id. */
export const SERVICE_NAME = `multiIf(s.tags['service.name'] != '', s.tags['service.name'], s.tags['agent.name'] != '', s.tags['agent.name'], toString(s.agent_id))`;

/** `internal`, `server`, `client`, `producer` or `consumer`. */
export const SPAN_KIND = `if(s.action_type = 'invoke', 'client', 'internal')`;

export const SPAN_KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const;
