import { pino, type Logger } from 'pino';

export type { Logger };

export interface LogOptions {
  readonly level: string;
  readonly format: 'auto' | 'json' | 'pretty';
}

/** Logs go to standard error, so that standard output stays free for what a command answers. */
export function createLogger(options: LogOptions): Logger {
  const pretty = options.format === 'pretty' || (options.format === 'auto' && process.stderr.isTTY === true);
  if (!pretty) return pino({ level: options.level, base: null }, pino.destination({ fd: 2, sync: false }));
  return pino({
    level: options.level,
    base: null,
    transport: { target: 'pino-pretty', options: { destination: 2, ignore: 'time', singleLine: true } },
  });
}
