import type { StateEvent } from './contract.js';

const frames = new WeakMap<StateEvent, string>();

/** The event as clients see it, as JSON on one line; made once for all of them. The project is theirs, so it says none. */
export function eventJson(event: StateEvent): string {
  const known = frames.get(event);
  if (known !== undefined) return known;
  const { id, type, subjectId, version, data, actor, time } = event;
  const text = JSON.stringify({ id, type, subject_id: subjectId, version, data, actor: actor ?? null, time });
  frames.set(event, text);
  return text;
}
