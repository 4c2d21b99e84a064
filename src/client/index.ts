export {
  createClient,
  type BodyType,
  type Client,
  type Readiness,
  type SendOptions,
  type TailEvent,
  type TailFilter,
  type TraceFilter,
} from './client.js';
export { ClientError } from './client-error.js';
export { sleep, type ConnectionOptions, type RetryOptions } from './request.js';
export { createSocketSender, type SocketSender, type SocketSenderOptions } from './socket-sender.js';
export type {
  DeadLetter,
  Problem,
  Receipt,
  RejectedSpan,
  Span,
  SpanFault,
  SpanPage,
  TraceSummary,
} from './wire.js';
