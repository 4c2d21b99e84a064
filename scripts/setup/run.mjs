// Running the steps' commands: their output goes to a log file and is shown only when they fail.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const SHOWN_LINES = 40;

/** A failure that its message explains; anything else is a bug and keeps its stack trace. */
export class SetupError extends Error {}

export function say(text) {
  process.stderr.write(`setup: ${text}\n`);
}

/** Runs a command in the repository's root. Rejects with the end of its output and with what to do about it. */
export async function run(logName, command, args, advise = () => '') {
  const log = join(root, '.setup', `${logName}.log`);
  const fd = openSync(log, 'w');
  const failure = await new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', fd, fd] });
    child.on('error', (error) => resolve(error.message));
    child.on('exit', (code, signal) => resolve(code === 0 ? undefined : (signal ?? `exit code ${code}`)));
  }).finally(() => closeSync(fd));
  if (failure === undefined) return;
  const output = readFileSync(log, 'utf8');
  const tail = output.trimEnd().split('\n').slice(-SHOWN_LINES).join('\n');
  const hint = advise(output);
  throw new SetupError(
    `\`${[command, ...args].join(' ')}\` ended with ${failure}:\n${tail}\n` +
      `(all of it in ${relative(process.cwd(), log)})${hint === '' ? '' : `\n${hint}`}`,
  );
}
