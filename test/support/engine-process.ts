import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const entry = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const STOP_TIMEOUT_MS = 20_000;

export interface EngineProcess {
  readonly url: string;
  readonly key: string;
  readonly dataDir: string;
  readonly pid: number;
  /** Where OTLP is taken beside the main port; `undefined` unless the environment asks for it. */
  readonly otlp: { readonly http?: string; readonly grpc?: string };
  /** All that it wrote to standard error until now. */
  readonly stderr: string;
  /** Ends it with SIGKILL. Its data stays until `close`. */
  kill(): Promise<void>;
  /** Ends it gracefully and removes its data. Resolves with the exit code. */
  close(): Promise<number | null>;
}

/**
 * Starts the engine as it ships, on a free port with a data folder of its own, and waits until it is ready. The
 * further ports of OTLP stay closed unless `env` opens them. Postgres is away, which nothing that concerns spans may
 * notice; with an empty `DATABASE_URL` the engine brings its own. A `dataDir` that is given is kept on `close`.
 */
export async function startEngine(
  env: Readonly<Record<string, string>> = {},
  givenDir?: string,
): Promise<EngineProcess> {
  const dataDir = givenDir ?? (await mkdtemp(join(tmpdir(), 'mplp-engine-')));
  const child = spawn(
    process.execPath,
    [entry, '--port', '0', '--data-dir', dataDir, '--log-level', 'warn'],
    {
      env: {
        PATH: process.env['PATH'] ?? '',
        MPLP_OTLP_HTTP_PORT: 'off',
        MPLP_OTLP_GRPC_PORT: 'off',
        DATABASE_URL: 'postgres://127.0.0.1:9/mplp',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const ready = await new Promise<Pick<EngineProcess, 'url' | 'otlp'>>((resolve, reject) => {
    let stdout = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      if (stdout.includes('\n'))
        resolve(JSON.parse(stdout.split('\n')[0] ?? '') as Pick<EngineProcess, 'url' | 'otlp'>);
    });
    void exited.then((code) =>
      reject(new Error(`the engine ended with ${code} before it was ready:\n${stderr}`)),
    );
  });
  const key = env['MPLP_ADMIN_KEY'] ?? (await readFile(join(dataDir, 'admin-key'), 'utf8')).trim();
  return {
    url: ready.url,
    otlp: ready.otlp,
    key,
    dataDir,
    pid: child.pid ?? 0,
    get stderr() {
      return stderr;
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    async close() {
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      child.kill('SIGTERM');
      const code = await exited;
      clearTimeout(timer);
      if (givenDir === undefined) await rm(dataDir, { recursive: true, force: true });
      return code;
    },
  };
}

/** As `startEngine`, with a Postgres of the engine's own unless `env` names one, and not before that answers. */
export async function startEngineWithState(
  env: Readonly<Record<string, string>> = {},
  givenDir?: string,
): Promise<EngineProcess> {
  const engine = await startEngine({ DATABASE_URL: '', ...env }, givenDir);
  for (;;) {
    const ready = await fetch(`${engine.url}/ready`);
    const { parts } = (await ready.json()) as { parts: Record<string, { ok: boolean }> };
    if (parts['postgres']?.ok === true) return engine;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
