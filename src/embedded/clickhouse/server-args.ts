import { totalmem } from 'node:os';

/**
 * Server options of the embedded ClickHouse, in command-line form: little at rest, bounded memory, no logs of
 * its own. Query settings do not belong here: each request sets its own.
 */
export function serverArgs(): string[] {
  const memory = Math.min(8 * 1024 ** 3, Math.floor(totalmem() * 0.5));
  return [
    '--logger.level=none',
    `--max_server_memory_usage=${memory}`,
    `--mark_cache_size=${256 * 1024 ** 2}`,
    '--background_schedule_pool_size=4',
    '--background_pool_size=4',
    '--async_load_databases=0',
  ];
}
