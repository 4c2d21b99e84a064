import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Builds the programs that we compare with, once, into a folder outside the repository. */

const run = promisify(execFile);
const here = fileURLToPath(new URL('.', import.meta.url));
const victoriaTracesModule = 'github.com/VictoriaMetrics/VictoriaTraces';

/** Where the programs are kept; `MPLP_BENCH_CACHE` names another place. */
const cacheDir = () =>
  process.env['MPLP_BENCH_CACHE'] ??
  path.join(process.env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache'), 'mplp-bench');

/** Version line of the Go toolchain, `undefined` where there is none. */
export function findGo() {
  const { status, stdout } = spawnSync('go', ['version'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/**
 * @typedef {object} Program
 * @property {string} file
 * @property {string} version
 */

/** @param {string} cwd @param {string[]} args */
const go = (cwd, args) =>
  run('go', args, { cwd, env: { ...process.env, GOWORK: 'off' }, maxBuffer: 64 * 1024 * 1024 });

/** The collector's core with the otlp receiver and the nop exporter. @returns {Promise<Program>} */
export async function buildCollector() {
  const source = path.join(here, 'otelcol');
  const hash = createHash('sha256');
  for (const name of ['main.go', 'go.mod', 'go.sum']) hash.update(await readFile(path.join(source, name)));
  const version = /collector\/otelcol (v\S+)/.exec(await readFile(path.join(source, 'go.mod'), 'utf8'))?.[1];
  const file = path.join(cacheDir(), `otelcol-${hash.digest('hex').slice(0, 16)}`);
  if (!existsSync(file)) await build(source, '.', file);
  return { file, version: version ?? 'unknown' };
}

/**
 * VictoriaTraces of a version from the Go module proxy, or of a checkout.
 * @param {{ version: string, source: string | undefined }} options
 * @returns {Promise<Program>}
 */
export async function buildVictoriaTraces({ version, source }) {
  if (source !== undefined) {
    const file = path.join(cacheDir(), 'victoria-traces-from-source');
    await build(path.resolve(source), './app/victoria-traces', file);
    return { file, version: `built from ${path.basename(path.resolve(source))}` };
  }
  await mkdir(cacheDir(), { recursive: true });
  const { stdout } = await go(cacheDir(), ['mod', 'download', '-json', `${victoriaTracesModule}@${version}`]);
  const module = JSON.parse(stdout);
  const file = path.join(cacheDir(), `victoria-traces-${module.Version}`);
  if (!existsSync(file)) {
    // A copy, since the module cache may not be written to, and a main module may say which versions it replaces.
    const copy = `${file}.source`;
    await rm(copy, { recursive: true, force: true });
    await cp(module.Dir, copy, { recursive: true });
    await run('chmod', ['-R', 'u+w', copy]);
    await build(copy, './app/victoria-traces', file);
    await rm(copy, { recursive: true, force: true });
  }
  return { file, version: module.Version };
}

/** @param {string} source @param {string} packagePath @param {string} file */
async function build(source, packagePath, file) {
  await mkdir(path.dirname(file), { recursive: true });
  const half = `${file}.${process.pid}`;
  await go(source, ['build', '-o', half, packagePath]);
  await rename(half, file);
}
