import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const LIBRARY = ['x86_64-linux-gnu', 'aarch64-linux-gnu']
  .map((machine) => `/usr/lib/${machine}/faketime/libfaketimeMT.so.1`)
  .find((path) => existsSync(path));

/** The wall clock of a process that is started with this environment. Its monotonic clock is the real one. */
export interface FakeClock {
  readonly env: Readonly<Record<string, string>>;
  /** Sets it so many seconds ahead of the real one, at once, in processes that run already. */
  jump(seconds: number): void;
  close(): void;
}

export function createFakeClock(): FakeClock {
  const folder = mkdtempSync(join(tmpdir(), 'mplp-clock-'));
  const file = join(folder, 'offset');
  const jump = (seconds: number): void => writeFileSync(file, `${seconds < 0 ? '' : '+'}${seconds}\n`);
  jump(0);
  return {
    env: {
      LD_PRELOAD: LIBRARY ?? '',
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
    },
    jump,
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Whether the wall clock of a process can be set here, and that alone. */
export const hasFakeClock = ((): boolean => {
  if (LIBRARY === undefined) return false;
  const clock = createFakeClock();
  clock.jump(-86_400);
  const script = 'process.stdout.write(`${Date.now()} ${performance.timeOrigin} ${process.hrtime.bigint()}`)';
  const { stdout } = spawnSync(process.execPath, ['-e', script], { env: clock.env, encoding: 'utf8' });
  clock.close();
  const [now = 0, , monotonic = 0] = stdout.split(' ').map(Number);
  return (
    Math.abs(now + 86_400_000 - Date.now()) < 60_000 &&
    monotonic > 0 &&
    monotonic <= Number(process.hrtime.bigint())
  );
})();
if (!hasFakeClock) process.stderr.write('libfaketime is not installed: the tests that need it are skipped\n');
