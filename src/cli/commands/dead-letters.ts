import Table from 'cli-table3';
import type { Command } from 'commander';
import { exitCodes } from '../exit-codes.js';
import { CommandFailure } from '../failure.js';
import type { RunCommand } from '../program.js';
import type { Session } from '../session.js';
import { formatCount, printable } from '../terminal-text.js';

export function addDeadLetters(program: Command, run: RunCommand): void {
  const group = program
    .command('dead-letters')
    .description('spans that ClickHouse would not take: list them, or send them again')
    .addHelpText(
      'after',
      `
Examples:
  $ mplp dead-letters list
  $ mplp dead-letters replay --all`,
    );
  group
    .command('list')
    .description('show what is kept and why')
    .option('--json', 'as JSON')
    .action((options: { json?: boolean }, command: Command) =>
      run(command, (session) => list(session, options)),
    );
  group
    .command('replay')
    .description('send dead letters through the loader again, after their cause is gone')
    .argument('[ids...]', 'ids from the list')
    .option('--all', 'all of them')
    .action((ids: string[], options: { all?: boolean }, command: Command) =>
      run(command, (session) => replay(session, ids, options.all === true)),
    );
}

async function list(session: Session, options: { json?: boolean }): Promise<number> {
  const letters = await session.client.listDeadLetters(session.signal);
  if (options.json === true) {
    await session.print(`${JSON.stringify(letters, null, 2)}\n`);
    return exitCodes.ok;
  }
  if (letters.length === 0) {
    await session.print('No dead letters: ClickHouse took every span.\n');
    return exitCodes.ok;
  }
  const table = new Table({
    head: ['id', 'spans', 'bytes', 'reason'],
    style: { head: [], border: [] },
    wordWrap: true,
  });
  for (const letter of letters) {
    table.push([letter.id, formatCount(letter.rows), formatCount(letter.bytes), printable(letter.error)]);
  }
  await session.print(`${table.toString()}\n`);
  return exitCodes.ok;
}

async function replay(session: Session, ids: readonly string[], all: boolean): Promise<number> {
  if (all === ids.length > 0) {
    throw new CommandFailure(
      'Name the dead letters to send again, or say --all.',
      'See `mplp dead-letters list`.',
      exitCodes.usage,
    );
  }
  const answer = await session.client.replayDeadLetters(all ? 'all' : ids, session.signal);
  await session.print(`${JSON.stringify(answer)}\n`);
  return exitCodes.ok;
}
