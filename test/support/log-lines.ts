import { pino, type Logger } from 'pino';

/** A log whose lines can be looked at. */
export function createTestLog(): { readonly log: Logger; readonly lines: readonly string[] } {
  const lines: string[] = [];
  return { log: pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) }), lines };
}
