import { eventJson, type StateEvent } from '../../store/events/index.js';

/** The body: the event as other readers see it, and its time under the name that Standard Webhooks knows. */
export function messageBody(event: StateEvent): string {
  return `${eventJson(event).slice(0, -1)},"timestamp":${JSON.stringify(event.time)}}`;
}
