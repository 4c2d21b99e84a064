/**
 * Spans as rows of the engine's intake table, the way a Node team would map them.
 */

const nilUuid = '00000000-0000-0000-0000-000000000000';

/** `2025-01-27T18:40:32.123Z` as ClickHouse's DateTime64 text. @param {string} time */
const toDateTime = (time) => time.slice(0, 10) + ' ' + time.slice(11, -1);

/** Number of fraction digits of a UTC time. @param {string} time */
const fractionDigits = (time) => (time.length === 20 ? 0 : time.length - 21);

/** @param {unknown} value */
const json = (value) => (value === undefined ? '' : JSON.stringify(value));

/** Makes rows numbered in the order of arrival. */
export function createRowMapper() {
  let seq = 0;
  /** @param {any} span @param {number} receivedAtSeconds */
  return (span, receivedAtSeconds) => {
    const { action, timestamp, result, metadata } = span;
    const startMs = Date.parse(timestamp.start);
    const hasEnd = timestamp.end !== undefined;
    /** @type {Record<string, string>} */
    const tags = {};
    const sent = metadata?.tags;
    if (sent !== undefined) {
      for (const key in sent)
        tags[key] = typeof sent[key] === 'string' ? sent[key] : JSON.stringify(sent[key]);
    }
    return {
      project_id: 'default',
      trace_id: span.trace_id,
      span_id: span.span_id,
      parent_span_id: span.parent_span_id ?? nilUuid,
      id: span.id,
      context_id: span.context_id,
      agent_id: span.agent_id,
      action_name: action.name,
      action_type: action.type,
      status: result?.status ?? 'unset',
      start_time: toDateTime(timestamp.start),
      duration_ns: hasEnd ? (Date.parse(timestamp.end) - startMs) * 1e6 : -1,
      fields:
        1 |
        (span.parent_span_id !== undefined ? 2 : 0) |
        (hasEnd ? 4 : 0) |
        (result !== undefined ? 8 : 0) |
        (result?.status !== undefined ? 16 : 0) |
        (result?.error !== undefined ? 32 : 0) |
        (result?.metrics !== undefined ? 64 : 0) |
        (action.parameters !== undefined ? 128 : 0) |
        (result?.output !== undefined ? 256 : 0) |
        (action.duration !== undefined ? 512 : 0) |
        (metadata !== undefined ? 1024 : 0) |
        (fractionDigits(timestamp.start) << 12) |
        (hasEnd ? fractionDigits(timestamp.end) << 16 : 0),
      seq: ++seq,
      received_at: receivedAtSeconds,
      error: json(result?.error),
      metrics: json(result?.metrics),
      parameters: json(action.parameters),
      output: json(result?.output),
      action_duration: action.duration ?? '',
      metadata: json(metadata),
      extra: '',
      tags,
    };
  };
}
