import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import type { Gzip } from 'node:zlib';

/** Clients find an error in the body when it comes alone, and when the connection still stands while they unpack it. */
const BREAK_OFF_MS = 100;

/**
 * The head is out: says what went wrong in the body, as ClickHouse does, then breaks the connection off, so that no client
 * takes the result for whole.
 */
export function breakOff(out: Writable, response: ServerResponse, error: string, tag: string): void {
  const block = exceptionBlock(error, tag);
  const flush = (): void => {
    if (out !== response) (out as Gzip).flush();
  };
  flush();
  setTimeout(() => {
    if (response.destroyed) return;
    out.write(block);
    flush();
    setTimeout(() => response.socket?.destroySoon(), BREAK_OFF_MS);
  }, BREAK_OFF_MS);
}

/** An error in the middle of a result, as ClickHouse (since 25.11) writes it; the tag is told in the head. */
function exceptionBlock(error: string, tag: string): string {
  const message = `${error.trimEnd()}\n`;
  return `\r\n__exception__\r\n${tag}\r\n${message}${Buffer.byteLength(message)} ${tag}\r\n__exception__\r\n`;
}
