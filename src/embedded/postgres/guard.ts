import { spawn } from 'node:child_process';

/** Reads until its input ends; only when it ended without a word has the engine died. */
const SCRIPT = 'trap "" INT TERM HUP; read -r word || kill -INT "$1"';

/**
 * Stops the server when the engine dies, however it dies: a shell waits for the end of a pipe whose other end only
 * the engine holds. PostgreSQL itself would go on for ever.
 *
 * @returns releases the guard; to be called when the server has ended.
 */
export function guardServer(pid: number): () => void {
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'sh', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
    env: {},
  });
  shell.on('error', () => undefined);
  shell.stdin.on('error', () => undefined);
  shell.unref();
  return () => void shell.stdin.end('done\n');
}
