/**
 * Columns of the Native blocks that the engine inserts, in their order. Written down here a second time on
 * purpose: the floor's table and the verification must not depend on the engine's own description.
 */
export const spanColumns = Object.freeze({
  project_id: 'LowCardinality(String)',
  trace_id: 'UUID',
  span_id: 'UUID',
  parent_span_id: 'UUID',
  id: 'UUID',
  context_id: 'UUID',
  agent_id: 'UUID',
  action_name: 'LowCardinality(String)',
  action_type: "Enum8('execute' = 1, 'invoke' = 2, 'validate' = 3, 'complete' = 4)",
  status: "Enum8('unset' = 0, 'success' = 1, 'failure' = 2, 'timeout' = 3, 'cancelled' = 4)",
  start_time: "DateTime64(9, 'UTC')",
  duration_ns: 'Int64',
  fields: 'UInt32',
  seq: 'UInt64',
  received_at: "DateTime('UTC')",
  error: 'String',
  metrics: 'String',
  parameters: 'String',
  output: 'String',
  action_duration: 'String',
  metadata: 'String',
  extra: 'String',
  tags: 'Map(LowCardinality(String), LowCardinality(String))',
  service_name: 'LowCardinality(String)',
  gen_ai_model: 'LowCardinality(String)',
  gen_ai_provider: 'LowCardinality(String)',
  finish_reason: 'LowCardinality(String)',
  tool_name: 'LowCardinality(String)',
  otel_resource: 'LowCardinality(String)',
  otel_scope: 'LowCardinality(String)',
  otel_shape: 'LowCardinality(String)',
  input_tokens: 'UInt64',
  output_tokens: 'UInt64',
  cached_tokens: 'UInt64',
});

/** Columns that the engine makes up at arrival: no other way gives their values. */
export const arrivalColumns = Object.freeze(['seq', 'received_at']);

/** Ids that differ from round to round of a body. */
export const maskedColumns = Object.freeze(['trace_id', 'span_id', 'parent_span_id', 'id']);

/** @param {readonly string[]} names */
export const columnDefinitions = (names = Object.keys(spanColumns)) =>
  names.map((name) => `${name} ${spanColumns[/** @type {keyof typeof spanColumns} */ (name)]}`).join(', ');
