export { appendEvent, eventData, eventOfChange, eventsOfChanges, MAX_EVENT_DATA_BYTES } from './append.js';
export type { EventLog, NewEvent, StateEvent, SubscribeOptions, Subscription } from './contract.js';
export {
  createEventLog,
  defaultEventLogLimits,
  type EventLogLimits,
  type EventLogOptions,
} from './event-log.js';
export { eventJson } from './frames.js';
export { backoffMs, createPause, type Pause } from './pause.js';
export { END_OF_LOG } from './outbox-table.js';
export { parseTypeFilter } from './type-filter.js';
