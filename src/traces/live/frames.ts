import type { TailEvent, TailSpan } from './tail-hub.js';

const SSE_END = Buffer.from('\n\n');
const SOCKET_START = Buffer.from('{"span":');
const SOCKET_END = Buffer.from('}');

/** One server-sent event. A span's frame is made once and shared by all who get the span. */
export function sseFrame(event: TailEvent): Buffer {
  if (event.kind === 'missed') return Buffer.from(`event: missed\ndata: {"missed":${event.count}}\n\n`);
  const span = event.span;
  return (span.sse ??= Buffer.concat([
    Buffer.from(`event: span\nid: ${span.number}\ndata: `),
    span.json,
    SSE_END,
  ]));
}

/** One text message of the WebSocket form: `{"span": …}` or `{"missed": n}`. Shared in the same way. */
export function socketFrame(event: TailEvent): string {
  if (event.kind === 'missed') return `{"missed":${event.count}}`;
  const span: TailSpan = event.span;
  return (span.socket ??= Buffer.concat([SOCKET_START, span.json, SOCKET_END]).toString());
}
