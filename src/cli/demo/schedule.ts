import type { Span } from '../../client/index.js';
import type { Mission, Step } from './fleet.js';

/** A span that is to be sent at a time; each step gives two, as agents do: when it starts and when it ends. */
export interface DueSpan {
  readonly dueMs: number;
  readonly span: Span;
}

/** Steps shorter than this are sent once, when they have ended. */
const SEND_START_FROM_MS = 250;

/** The spans of a mission that starts at `startMs` (milliseconds since the epoch), in the order in which they are due. */
export function scheduleMission(mission: Mission, startMs: number): DueSpan[] {
  const due: DueSpan[] = [];
  for (const step of mission.steps) {
    const begun = startMs + step.offsetMs;
    const ended = begun + step.durationMs;
    if (step.durationMs >= SEND_START_FROM_MS)
      due.push({ dueMs: begun, span: toSpan(mission, step, begun, undefined) });
    due.push({ dueMs: ended, span: toSpan(mission, step, begun, ended) });
  }
  return due.sort((a, b) => a.dueMs - b.dueMs);
}

/** The fleet is told to stop: what is under way at `nowMs` ends as cancelled, what has not begun never happens. */
export function cancelUnfinished(due: readonly DueSpan[], nowMs: number): Span[] {
  const end = toTime(nowMs);
  return due
    .map(({ span }) => span)
    .filter((span) => span.timestamp.end !== undefined && span.timestamp.start <= end)
    .map((span) => ({
      ...span,
      timestamp: { ...span.timestamp, end },
      result: { status: 'cancelled' as const },
    }));
}

function toSpan(mission: Mission, step: Step, begunMs: number, endedMs: number | undefined): Span {
  const action = { name: step.name, type: step.type, parameters: step.parameters };
  const span: Span = {
    id: step.id,
    trace_id: mission.traceId,
    span_id: step.spanId,
    context_id: mission.contextId,
    agent_id: step.agentId,
    action,
    timestamp: { start: toTime(begunMs) },
    metadata: { tags: { ...mission.tags, role: step.role } },
  };
  if (step.parent !== undefined) span.parent_span_id = step.parent.spanId;
  if (endedMs === undefined) return span;
  span.action = { ...action, duration: `${step.durationMs.toFixed(3)}ms` };
  span.timestamp = { start: toTime(begunMs), end: toTime(endedMs) };
  span.result = {
    status: step.status,
    ...(step.output === undefined ? {} : { output: step.output }),
    ...(step.error === undefined ? {} : { error: step.error }),
    ...(step.metrics === undefined ? {} : { metrics: step.metrics }),
  };
  return span;
}

/** RFC 3339 with microseconds, which is what a double still holds of today's dates. */
function toTime(ms: number): string {
  const whole = Math.floor(ms);
  const micros = Math.floor((ms - whole) * 1000);
  return new Date(whole).toISOString().replace('Z', `${String(micros).padStart(3, '0')}Z`);
}
