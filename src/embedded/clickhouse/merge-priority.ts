import { readdirSync, readFileSync } from 'node:fs';
import type { HostAddon } from './host-addon.js';

const MERGE_THREAD = 'MergeMutate';
const TASKS = '/proc/self/task';
const SCAN_INTERVAL_MS = 500;

/**
 * Merges run when a processor has nothing else to do, so that inserts and queries do not wait for them: a raised nice
 * value is not enough for that, since a thread that wakes up does not always interrupt one of lower priority.
 * ClickHouse's own setting (`os_threads_nice_value_merge_mutate`) does nothing without CAP_SYS_NICE, which lowering a
 * priority does not need. Under lasting overload parts add up; inserts are then delayed (`parts_to_delay_insert` of
 * the table `spans`), which leaves time for merges.
 *
 * Linux only. ClickHouse starts these threads, all together, with the first table; until then this looks again and
 * again. Where a sandbox forbids it, merges run as the rest.
 */
export function runMergesWhenIdle(host: HostAddon): void {
  if (process.platform !== 'linux') return;
  let known = 0;
  const timer = setInterval(() => {
    const threads = mergeThreads();
    for (const thread of threads) host.runThreadWhenIdle(thread);
    if (threads.length > 0 && threads.length === known) clearInterval(timer);
    known = threads.length;
  }, SCAN_INTERVAL_MS).unref();
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
