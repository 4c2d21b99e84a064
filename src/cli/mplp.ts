#!/usr/bin/env node
import { Interrupted } from './failure.js';
import { exitCodes } from './exit-codes.js';
import { runProgram } from './program.js';

const interrupt = new AbortController();
let signals = 0;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    signals += 1;
    // A second Ctrl-C is for a command that does not come to its end.
    if (signals > 1) process.exit(exitCodes.interrupted);
    interrupt.abort(new Interrupted());
  });
}
// `mplp query … | head` closes the pipe early, which is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.ok);
  throw error;
});

const exitCode = await runProgram(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  signal: interrupt.signal,
});
// `serve` runs on after this, and tells its exit code itself.
process.exitCode ??= exitCode;
