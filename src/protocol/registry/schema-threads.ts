import { Piscina } from 'piscina';
import { MplpError } from '../../errors/index.js';
import { createFairQueue } from './fair-queue.js';
import { limits } from './limits.js';
import type { SchemaReply, SchemaTask } from './schema-task.js';

/** Idle threads end after this. */
const IDLE_MS = 60_000;

export interface SchemaThreads {
  /**
   * Runs a task in a thread of its own heap. Projects that wait for a thread take turns.
   *
   * @throws MplpError MPLP_ERR_PROTOCOL_LIMIT when it takes too long, too much memory or too deep a stack (the thread is
   * ended), MPLP_ERR_PROTOCOL_OVERLOADED when too many tasks of the project wait, or of all
   */
  run(projectId: string, task: SchemaTask): Promise<Exclude<SchemaReply, { kind: 'exhausted' }>>;
  close(): Promise<void>;
}

export interface SchemaThreadsOptions {
  /** @default limits.taskTimeoutMs */
  readonly taskTimeoutMs?: number;
}

/** Threads are started when first needed. The clock of a task starts when it has a thread to itself. */
export function createSchemaThreads(options: SchemaThreadsOptions = {}): SchemaThreads {
  const timeoutMs = options.taskTimeoutMs ?? limits.taskTimeoutMs;
  const pool = new Piscina<SchemaTask, SchemaReply>({
    filename: new URL('./schema-worker.js', import.meta.url).href,
    minThreads: 0,
    maxThreads: limits.threads,
    idleTimeout: IDLE_MS,
    concurrentTasksPerWorker: 1,
    env: {},
    resourceLimits: {
      maxOldGenerationSizeMb: limits.threadHeapMb,
      maxYoungGenerationSizeMb: 16,
      stackSizeMb: limits.threadStackMb,
    },
  });
  // A thread that dies between tasks is replaced; without a listener the event would end the process.
  pool.on('error', () => {});
  let closing: Promise<void> | undefined;
  const queue = createFairQueue({
    places: limits.threads,
    maxWaiting: limits.maxWaitingTasks,
    maxWaitingTogether: limits.maxWaitingTogether,
    refuse: (waiting) =>
      new MplpError('MPLP_ERR_PROTOCOL_OVERLOADED', `${waiting} tasks wait for a thread already.`, {
        retryAfterSeconds: 1,
      }),
  });

  return {
    async run(projectId, task) {
      const leave = await queue.enter(projectId);
      const abort = new AbortController();
      const timer = setTimeout(() => abort.abort(), timeoutMs);
      try {
        const reply = await pool.run(task, { signal: abort.signal });
        if (reply.kind === 'exhausted') throw exceeded('needs more stack than a thread has');
        return reply;
      } catch (error) {
        if (abort.signal.aborted) throw exceeded(`takes longer than ${timeoutMs} ms`, error);
        if ((error as { code?: unknown }).code === 'ERR_WORKER_OUT_OF_MEMORY')
          throw exceeded(`needs more than ${limits.threadHeapMb} MiB of memory`, error);
        throw error;
      } finally {
        clearTimeout(timer);
        leave();
      }
    },
    close() {
      closing ??= pool.destroy();
      return closing;
    },
  };
}

function exceeded(what: string, cause?: unknown): MplpError {
  return new MplpError(
    'MPLP_ERR_PROTOCOL_LIMIT',
    `Working on this schema or document ${what}; it was given up.`,
    {
      cause,
      errors: [{ pointer: '', keyword: 'limit', message: what }],
    },
  );
}
