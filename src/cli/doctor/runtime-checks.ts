import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { fail, ok, warn, type Finding } from './check.js';

const run = promisify(execFile);
const OLDEST_NODE = [20, 17] as const;
/** Each connection is a file to the system, and the engine is made to hold ten thousand. */
const WANTED_FILES = 16_384;
const LEAST_FILES = 1_024;
const LOAD_TIMEOUT_MS = 20_000;

export function checkNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isOld = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
  const detail = `${process.version} on ${process.platform} ${process.arch}`;
  return isOld ? fail('Node', detail, 'install Node 20.17 or later, best 24') : ok('Node', detail);
}

/** Loads the addon in a process of its own: a binary of the wrong kind can take its process down. */
export async function checkAddon(): Promise<Finding> {
  const module = new URL('../../native/index.js', import.meta.url).href;
  const code = `const { loadNative } = await import(${JSON.stringify(module)}); process.stdout.write(loadNative().instructionSet);`;
  try {
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code], {
      timeout: LOAD_TIMEOUT_MS,
    });
    return stdout === 'fallback'
      ? warn(
          'native addon',
          'loads, without vector instructions',
          'expect less speed; a processor with AVX2 or NEON is faster',
        )
      : ok('native addon', `loads, uses ${stdout}`);
  } catch (error) {
    const reason =
      error instanceof Error
        ? (error.message.split('\n').find((line) => /MPLP_ERR|Error:/.test(line)) ?? 'it does not load')
        : '';
    return fail('native addon', reason.trim(), 'run `npm run build`; it says what is missing');
  }
}

export function checkEmbeddedClickHouse(clickhouseUrl: string | undefined): Finding {
  const name = 'embedded ClickHouse';
  if (clickhouseUrl !== undefined) return ok(name, 'not needed, CLICKHOUSE_URL is set');
  const packageName = `@chdb/lib-${process.platform}-${process.arch}${process.platform === 'linux' ? '-gnu' : ''}`;
  try {
    const manifest = createRequire(import.meta.url).resolve(`${packageName}/package.json`);
    const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
    return existsSync(`${dirname(manifest)}/libchdb.so`)
      ? ok(name, `chDB ${version}`)
      : fail(name, `${packageName} has no libchdb.so`, 'remove node_modules and run `npm run setup`');
  } catch {
    return fail(
      name,
      `${packageName} is not installed`,
      'run `npm run setup`, or set CLICKHOUSE_URL to a ClickHouse server',
    );
  }
}

export function checkOpenFiles(): Finding {
  const name = 'open files';
  let soft: number;
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    const text = /^Max open files\s+(\S+)/m.exec(limits)?.[1] ?? '';
    soft = text === 'unlimited' ? Infinity : Number(text);
  } catch {
    return ok(name, 'the limit cannot be read on this system');
  }
  const detail = `at most ${soft}`;
  const advice = `raise it: \`ulimit -n ${WANTED_FILES * 4}\`, or LimitNOFILE= in the systemd unit`;
  if (soft < LEAST_FILES) return fail(name, detail, advice);
  return soft < WANTED_FILES
    ? warn(name, `${detail}, too few for 10,000 connections`, advice)
    : ok(name, detail);
}
