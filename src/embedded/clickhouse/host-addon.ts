import { createRequire } from 'node:module';

/** Counters and verdict of a finished statement. */
export interface StatementSummary {
  readonly elapsedSeconds: number;
  readonly rowsRead: number;
  readonly bytesRead: number;
  readonly rowsWritten: number;
  readonly bytesWritten: number;
  readonly resultRows: number;
  /** ClickHouse's own message (`Code: 60. DB::Exception: …`); absent when the statement succeeded. */
  readonly error?: string;
}

export interface StatementOptions {
  /** Statements run first on the same fresh connection (`USE db`, `SET a = 1`). */
  readonly preamble: readonly string[];
  readonly sql: string;
  /** Output format, or input format of an insert. */
  readonly format: string;
  /** Query parameters: name, value, name, value, … */
  readonly params: readonly string[];
  /** `streamed` output comes block by block; `buffered` as one piece; `insert` reads what is appended. */
  readonly kind: 'buffered' | 'streamed' | 'insert';
}

/** A running statement: own connection, own thread. */
export interface Statement {
  /** Hands over a piece of an insert's data; the buffer must not change until `onAppended` counted it. */
  append(data: Buffer): void;
  endInput(): void;
  /** Tells that a piece of output was taken; at most 4 may be outstanding. */
  acknowledge(): void;
  cancel(): void;
}

/** `native/chdb_host`: libchdb's statements for JavaScript. */
export interface HostAddon {
  /** Starts the engine on a data folder; one a process. `args` are server options in command-line form. */
  open(libraryPath: string, dataPath: string, args: readonly string[]): void;
  close(): void;
  /**
   * Lets a thread of this process (by its id) run only where a processor has nothing else to do. False where that is
   * unknown or forbidden.
   */
  runThreadWhenIdle(thread: number): boolean;
  readonly Statement: new (
    options: StatementOptions,
    onData: (data: Buffer) => void,
    onEnd: (summary: StatementSummary) => void,
    onAppended: (bytes: number) => void,
  ) => Statement;
}

export function loadHostAddon(): HostAddon {
  const require = createRequire(import.meta.url);
  return require('../../../build/Release/chdb_host.node') as HostAddon;
}
