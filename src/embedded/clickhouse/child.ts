import { mkdirSync } from 'node:fs';
import { libchdbPath } from 'chdb/libchdb';
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
  const report = (message: ChildReport): void => void process.send?.(message);
  process.on('SIGINT', () => {}); // the parent decides; a Ctrl-C in the terminal reaches both
  process.once('message', (setup: ChildSetup) => {
    try {
      mkdirSync(setup.dataPath, { recursive: true });
      const host = loadHostAddon();
      host.open(libchdbPath(), setup.dataPath, setup.serverArgs);
      const server = createHttpInterface({
        host,
        username: setup.username,
        password: setup.password,
        maxQueryBytes: 16 * 1024 * 1024,
      });
      const stop = (): void => {
        server.close();
        server.closeAllConnections();
        host.close();
        process.exit(0);
      };
      process.on('disconnect', stop);
      process.on('SIGTERM', stop);
      server.on('error', (error) => {
        report({ failed: error.message });
        process.exitCode = 1;
        stop();
      });
      server.listen(setup.port, setup.host, () => {
        runMergesWhenIdle(host);
        report({ ready: { port: (server.address() as { port: number }).port } });
      });
    } catch (error) {
      report({ failed: (error as Error).message });
      process.exitCode = 1;
      process.disconnect();
    }
  });
}

main();
