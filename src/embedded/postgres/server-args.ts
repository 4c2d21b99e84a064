/**
 * Settings of the embedded Postgres, given at every start so that they follow the version of the engine and not the
 * age of the data folder. Durable: an acknowledged commit survives a power failure. Little at rest: few processes,
 * bounded memory, nothing in the log that quotes rows or statements.
 */
export function serverArgs(port: number): string[] {
  const settings: Readonly<Record<string, string>> = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',

    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',

    max_connections: '40',
    shared_buffers: '32MB',
    work_mem: '4MB',
    maintenance_work_mem: '32MB',
    min_wal_size: '32MB',
    max_wal_size: '256MB',
    jit: 'off',
    huge_pages: 'off',
    io_method: 'sync',
    autovacuum_max_workers: '1',
    max_worker_processes: '2',
    max_parallel_workers: '0',
    max_logical_replication_workers: '0',

    log_min_messages: 'fatal',
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    log_checkpoints: 'off',
    lc_messages: 'C',
    timezone: 'UTC',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}
