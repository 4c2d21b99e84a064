import { isObject, stringTag, tagsOfAttributes, tagsOfJson, type KeyValue } from './key-values.js';
import type { OtelMetadata } from './otel-metadata.js';
import { microOfTime, microOfUnixNano } from './span-times.js';

export interface Log {
  /** Microseconds since the epoch. */
  readonly timestamp: number;
  readonly fields: readonly KeyValue[];
}

const TIME_MEMBERS = ['timestamp', 'time', 'at'];
const EVENT = 'event';

/** Logs of a span: the events of an OTLP span, and `metadata.annotations`. */
export function logsOf(metadata: unknown, otel: OtelMetadata | undefined, startMicro: number): Log[] {
  const events = Array.isArray(otel?.events) ? (otel.events as unknown[]) : [];
  const annotations = isObject(metadata) ? metadata['annotations'] : undefined;
  return [
    ...events.filter(isObject).map((event) => logOfEvent(event, startMicro)),
    ...(Array.isArray(annotations) ? (annotations as unknown[]) : []).map((annotation) =>
      logOfAnnotation(annotation, startMicro),
    ),
  ];
}

function logOfEvent(event: Record<string, unknown>, startMicro: number): Log {
  const fields = tagsOfAttributes(event['attributes']);
  const { name } = event;
  const isNamed = typeof name === 'string' && name !== '' && !fields.some(({ key }) => key === EVENT);
  return {
    timestamp: microOfUnixNano(event['timeUnixNano']) ?? startMicro,
    fields: isNamed ? [stringTag(EVENT, name), ...fields] : fields,
  };
}

/** An object with a time among `TIME_MEMBERS`; anything else is an event at the start of the span. */
function logOfAnnotation(annotation: unknown, startMicro: number): Log {
  if (!isObject(annotation)) {
    const text = typeof annotation === 'string' ? annotation : JSON.stringify(annotation);
    return { timestamp: startMicro, fields: [stringTag(EVENT, text)] };
  }
  const member = TIME_MEMBERS.find((name) => microOfTime(annotation[name]) !== undefined);
  return {
    timestamp: (member === undefined ? undefined : microOfTime(annotation[member])) ?? startMicro,
    fields: tagsOfJson(annotation).filter(({ key }) => key !== member),
  };
}
