import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { addDeadLetters } from './commands/dead-letters.js';
import { addDemo } from './commands/demo.js';
import { addDoctor } from './commands/doctor.js';
import { addIngest } from './commands/ingest.js';
import { addQuery } from './commands/query.js';
import { addServe } from './commands/serve.js';
import { addTail } from './commands/tail.js';
import { addTrace } from './commands/trace.js';
import { exitCodes, exitCodesHelp } from './exit-codes.js';
import { explain } from './failure.js';
import { createSession, type GlobalOptions, type Session, type Terminal } from './session.js';

/** Runs the body of a command with a session made from the global options. The body returns the exit code. */
export type RunCommand = (command: Command, body: (session: Session) => Promise<number>) => Promise<void>;

/** Reads the command line and runs one command. Resolves with the exit code; failures are told on standard error. */
export async function runProgram(argv: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode: number = exitCodes.ok;
  const run: RunCommand = async (command, body) => {
    exitCode = await body(createSession(command.optsWithGlobals<GlobalOptions>(), terminal));
  };
  try {
    await createProgram(run).parseAsync([...argv], { from: 'user' });
  } catch (error) {
    // Commander has printed the reason, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    const { lines, exitCode: failed } = explain(error);
    const [first, ...rest] = lines.filter((line) => line !== '');
    if (first !== undefined) terminal.stderr.write(`error: ${[first, ...rest].join('\n')}\n`);
    return failed;
  }
  return exitCode;
}

function createProgram(run: RunCommand): Command {
  const program = new Command('mplp')
    .description('The MPLP engine: takes in what agents do, keeps it, and answers questions about it.')
    .version(readVersion(), '-V, --version')
    .option('--url <url>', 'where the engine is (MPLP_URL; default http://127.0.0.1:3000)')
    .option('--key <key>', 'API key (MPLP_ADMIN_KEY; default: the admin key in the data folder)')
    .option('--data-dir <folder>', "the engine's data folder (MPLP_DATA_DIR; default ./data)")
    .option('--no-color', 'plain text, also on a terminal (NO_COLOR)')
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(`mplp --help` lists the commands, `mplp <command> --help` their options)')
    .exitOverride()
    .addHelpText(
      'after',
      `${exitCodesHelp}

Examples:
  $ mplp serve                              start the engine
  $ mplp demo                               send it the work of a made-up fleet of agents
  $ mplp tail                               watch spans come in
  $ mplp query 'SELECT count() FROM spans'  ask in SQL`,
    );
  for (const add of [addServe, addDoctor, addDemo, addIngest, addQuery, addTail, addTrace, addDeadLetters]) {
    add(program, run);
  }
  return program;
}

function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
