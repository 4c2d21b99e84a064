import { mkdirSync } from 'node:fs';
import { libchdbPath } from 'chdb/libchdb';
import { repairDeduplicationLogs } from './deduplication-logs.js';
import { loadHostAddon } from './host-addon.js';
import { createHttpInterface } from './http-interface.js';
import { runMergesWhenIdle } from './merge-priority.js';

/** What the parent sends over the IPC channel as its first message. */
export interface ChildSetup {
  readonly dataPath: string;
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly serverArgs: readonly string[];
}

export type ChildReport = { readonly ready: { readonly port: number } } | { readonly failed: string };

/** Entry of the embedded ClickHouse process. It lives as long as its parent: when the channel closes, it ends. */
function main(): void {
  const report = (message: ChildReport, then = (): void => {}): void =>
    void process.send?.(message, undefined, undefined, then);
  const fail = (error: unknown): void => report({ failed: (error as Error).message }, () => process.exit(1));
  process.on('SIGINT', () => {}); // the parent decides; a Ctrl-C in the terminal reaches both
  process.once('message', (setup: ChildSetup) => {
    serve(setup).catch(fail);
  });

  async function serve(setup: ChildSetup): Promise<void> {
    const host = loadHostAddon();
    const server = createHttpInterface({
      host,
      username: setup.username,
      password: setup.password,
      maxQueryBytes: 16 * 1024 * 1024,
      onFailedRename: () => process.exit(1),
    });
    process.on('exit', () => {
      server.close();
      server.closeAllConnections();
      host.close();
    });
    process.on('disconnect', () => process.exit());
    process.on('SIGTERM', () => process.exit());
    server.on('error', fail);
    mkdirSync(setup.dataPath, { recursive: true });
    host.open(libchdbPath(), setup.dataPath, setup.serverArgs);
    // Now that the folder is ours alone, and before anybody can insert.
    for (const table of await repairDeduplicationLogs(host, setup.dataPath))
      process.stderr.write(`${table} knew an insert whose part is missing; the insert can be repeated now\n`);
    server.listen(setup.port, setup.host, () => {
      runMergesWhenIdle(host);
      report({ ready: { port: (server.address() as { port: number }).port } });
    });
  }
}

main();
