import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import pc from 'picocolors';
import { createClient, type Client } from '../client/index.js';
import { optionTable } from '../config/index.js';
import { exitCodes } from './exit-codes.js';
import { CommandFailure } from './failure.js';

/** The options that every command takes. */
export interface GlobalOptions {
  readonly url?: string;
  readonly key?: string;
  readonly dataDir?: string;
  /** False after `--no-color`. */
  readonly color?: boolean;
}

/** What the process gives a command; tests of the commands use real processes, so there is one implementation. */
export interface Terminal {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Aborted with an `Interrupted` on Ctrl-C. */
  readonly signal: AbortSignal;
}

export type Colors = ReturnType<typeof pc.createColors>;

export interface Session extends Terminal {
  readonly url: string;
  readonly key: string | undefined;
  readonly dataDir: string;
  /** Tries once; a command that can wait makes its own. */
  readonly client: Client;
  readonly colors: Colors;
  /** Writes a line to standard error, where everything goes that is not the answer. */
  say(line: string): void;
  /** Writes to standard output and waits while it is full. */
  print(text: string | Uint8Array): Promise<void>;
}

const DEFAULT_URL = 'http://127.0.0.1:3000';

export function createSession(options: GlobalOptions, terminal: Terminal): Session {
  const { env, cwd, stdout, stderr } = terminal;
  const url = checkUrl(options.url ?? (env['MPLP_URL'] || DEFAULT_URL));
  const dataDir = resolve(cwd, options.dataDir ?? (env['MPLP_DATA_DIR'] || optionTable.dataDir.default));
  const key = options.key ?? (env['MPLP_ADMIN_KEY'] || findStoredKey(dataDir));
  const say = (line: string): void => void stderr.write(`${line}\n`);
  return {
    ...terminal,
    url,
    key,
    dataDir,
    client: createClient({ url, key, retry: { maxAttempts: 1 } }),
    colors: pc.createColors(pc.isColorSupported && options.color !== false),
    say,
    print: (text) =>
      new Promise((done) => {
        if (stdout.write(text)) done();
        else stdout.once('drain', done);
      }),
  };
}

function checkUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new CommandFailure(
    `${JSON.stringify(text)} is not the address of an engine.`,
    `Say it like ${DEFAULT_URL}, with --url or MPLP_URL.`,
    exitCodes.usage,
  );
}

/** The engine leaves its admin key in the data folder, readable by its own user only. */
function findStoredKey(dataDir: string): string | undefined {
  try {
    return readFileSync(join(dataDir, 'admin-key'), 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}
