import type {
  DeadLetter,
  DeadLetterStore,
  InsertBatch,
  InsertVerdict,
  SegmentSink,
} from '#dist/traces/loader/index.js';

/** What happens to one insert. `applied` errors happen after the rows went in: the reply was lost. */
export type Script = 'ok' | 'hang' | { readonly verdict: InsertVerdict; readonly applied?: boolean };

export interface ScriptedSink extends SegmentSink {
  /** Decides each attempt; the content is given as bytes. */
  script: (batch: InsertBatch, attempt: number, content: Buffer) => Script;
  /** Content by token: a token that is known is dropped, like ClickHouse does inside its window. */
  readonly stored: Map<string, Buffer>;
  readonly attempts: string[];
  readonly counted: (readonly [bigint, bigint])[];
  /** Answers the I4 question. */
  count: (first: bigint, last: bigint) => number;
  mostInFlight: number;
}

class SinkError extends Error {
  constructor(readonly verdict: InsertVerdict) {
    super(`scripted: ${verdict}`);
  }
}

/** The far end of the network: a ClickHouse that does what the test says. */
export function scriptedSink(): ScriptedSink {
  let inFlight = 0;
  const sink: ScriptedSink = {
    script: () => 'ok',
    stored: new Map(),
    attempts: [],
    counted: [],
    count: () => 0,
    mostInFlight: 0,
    async insert(batch, signal) {
      sink.attempts.push(batch.token);
      sink.mostInFlight = Math.max(sink.mostInFlight, ++inFlight);
      try {
        const chunks: Uint8Array[] = [];
        for await (const chunk of batch.open()) chunks.push(chunk);
        const content = Buffer.concat(chunks);
        const script = sink.script(batch, sink.attempts.length, content);
        if (script === 'hang') {
          await new Promise((_, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
          });
        }
        if (script === 'ok' || (script as { applied?: boolean }).applied === true) {
          if (!sink.stored.has(batch.token)) sink.stored.set(batch.token, content);
        }
        if (typeof script === 'object') throw new SinkError(script.verdict);
      } finally {
        inFlight--;
      }
    },
    countSeqRange(first, last) {
      sink.counted.push([first, last]);
      return Promise.resolve(sink.count(first, last));
    },
    classify: (error) => (error instanceof SinkError ? error.verdict : 'retry'),
  };
  return sink;
}

export interface MemoryDeadLetters extends DeadLetterStore {
  readonly letters: Map<string, { letter: DeadLetter; block: Uint8Array }>;
  refuse: boolean;
}

export function memoryDeadLetters(): MemoryDeadLetters {
  const letters = new Map<string, { letter: DeadLetter; block: Uint8Array }>();
  const store: MemoryDeadLetters = {
    letters,
    refuse: false,
    put(letter, block) {
      if (store.refuse) return Promise.reject(new Error('not this one either'));
      letters.set(letter.id, { letter, block });
      return Promise.resolve();
    },
    list: () => Promise.resolve([...letters.values()].map(({ letter }) => letter)),
    read: (id) => Promise.resolve(letters.get(id)?.block),
    remove: (id) => Promise.resolve(void letters.delete(id)),
  };
  return store;
}
