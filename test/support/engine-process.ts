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
  /** Ends it gracefully and removes its data, unless the folder was given. Resolves with the exit code. */
  close(): Promise<number | null>;
}

/**
 * Starts the engine as it ships, on a free port with a data folder of its own (or `folder`, which then stays when it
 * ends), and waits until it is ready.
 */
export async function startEngine(
  env: Readonly<Record<string, string>> = {},
  folder?: string,
): Promise<EngineProcess> {
  const dataDir = folder ?? (await mkdtemp(join(tmpdir(), 'mplp-engine-')));
  const child = spawn(
    process.execPath,
    [entry, '--port', '0', '--data-dir', dataDir, '--log-level', 'warn'],
    {
      env: { PATH: process.env['PATH'] ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const url = await new Promise<string>((resolve, reject) => {
    let stdout = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      if (stdout.includes('\n')) resolve((JSON.parse(stdout.split('\n')[0] ?? '') as { url: string }).url);
    });
    void exited.then((code) =>
      reject(new Error(`the engine ended with ${code} before it was ready:\n${stderr}`)),
    );
  });
  const key = env['MPLP_ADMIN_KEY'] ?? (await readFile(join(dataDir, 'admin-key'), 'utf8')).trim();
  return {
    url,
    key,
    dataDir,
    pid: child.pid ?? 0,
    async close() {
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      child.kill('SIGTERM');
      const code = await exited;
      clearTimeout(timer);
      if (folder === undefined) await rm(dataDir, { recursive: true, force: true });
      return code;
    },
  };
}
