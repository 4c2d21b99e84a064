import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../observability/log.js';
import type { Account } from './account.js';
import { asAccount, SERVER_ENV } from './cluster.js';
import { guardServer } from './guard.js';
import { readPidFile, send } from './orphan.js';
import { serverArgs } from './server-args.js';

const POLL_MS = 10;
const FAST_STOP_MS = 10_000;
const IMMEDIATE_STOP_MS = 5_000;

export interface ServerProcess {
  readonly pid: number;
  /** Resolves with the reason when the process has ended. */
  readonly ended: Promise<string>;
  /** Resolves when connections are taken; `false` when the process ended instead. */
  ready(): Promise<boolean>;
  /** Fast shutdown: open transactions are rolled back, the rest is written; harder when that takes too long. */
  stop(): Promise<void>;
}

export interface ServerOptions {
  readonly program: string;
  readonly account: Account;
  readonly folder: string;
  readonly port: number;
  readonly log: Logger;
}

/** Starts the server. In a session of its own: Ctrl-C in a terminal must reach the engine alone, which drains first. */
export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const { folder, log } = options;
  const start = asAccount(options.account, options.program, ['-D', folder, ...serverArgs(options.port)]);
  const child = spawn(start.command, start.args, {
    ...start.identity,
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
    cwd: '/',
    env: SERVER_ENV,
  });
  const lastWords = relayLog(child, log);
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}${lastWords()}`));
  });
  let hasEnded = false;
  void ended.then(() => (hasEnded = true));
  const { pid } = child;
  if (pid === undefined) throw new Error(`${start.command} cannot be run: ${await ended}`);
  const release = guardServer(pid);
  void ended.then(release);
  return {
    pid,
    ended,
    async ready() {
      for (;;) {
        if (hasEnded) return false;
        const file = await readPidFile(folder);
        if (file?.pid === pid && file.isReady) return true;
        await delay(POLL_MS);
      }
    },
    async stop() {
      send(pid, 'SIGINT');
      const timers = [
        setTimeout(() => send(pid, 'SIGQUIT'), FAST_STOP_MS),
        setTimeout(() => send(pid, 'SIGKILL'), FAST_STOP_MS + IMMEDIATE_STOP_MS),
      ];
      await ended;
      timers.forEach(clearTimeout);
    },
  };
}

/** The server's log, line by line, into the engine's. Returns what it last complained about. */
function relayLog(child: ChildProcess, log: Logger): () => string {
  let rest = '';
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    const lines = `${rest}${chunk.toString('utf8')}`.split('\n');
    rest = (lines.pop() ?? '').slice(-4_000);
    for (const line of lines) {
      if (line === '') continue;
      const isComplaint = /\b(FATAL|PANIC|ERROR|WARNING):|^\S*postgres: /.test(line);
      if (isComplaint) complaint = `: ${line.replace(/^.*?(FATAL|PANIC): +/, '')}`;
      log[isComplaint ? 'warn' : 'debug']({ postgres: line }, 'the embedded Postgres wrote to its log');
    }
  });
  return () => complaint;
}
