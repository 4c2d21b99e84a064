import { readdirSync, readFileSync } from 'node:fs';
import { setPriority } from 'node:os';

const MERGE_THREAD = 'MergeMutate';
const NICE = 5;
const TASKS = '/proc/self/task';
const SCAN_INTERVAL_MS = 500;

/**
 * Lets merges give way to inserts and queries: they get about a third of the processor time of the others when there is
 * too little for all. ClickHouse's own setting for this (`os_threads_nice_value_merge_mutate`) does nothing without
 * CAP_SYS_NICE, which lowering a priority does not need. Linux only. ClickHouse starts these threads, all together,
 * with the first table; until then this looks again and again.
 */
export function keepMergePriorityLow(): void {
  if (process.platform !== 'linux') return;
  let known = 0;
  const timer = setInterval(() => {
    const threads = mergeThreads();
    for (const thread of threads) lower(thread);
    if (threads.length > 0 && threads.length === known) clearInterval(timer);
    known = threads.length;
  }, SCAN_INTERVAL_MS).unref();
}

function lower(thread: number): void {
  try {
    setPriority(thread, NICE);
  } catch {
    // It ended meanwhile, or a sandbox forbids it: merges then run as the rest.
  }
}

/** Thread ids. */
function mergeThreads(): number[] {
  return readdirSync(TASKS)
    .filter((thread) => nameOf(thread) === MERGE_THREAD)
    .map(Number);
}

function nameOf(thread: string): string | undefined {
  try {
    return readFileSync(`${TASKS}/${thread}/comm`, 'utf8').trim();
  } catch {
    return undefined; // it ended meanwhile
  }
}
