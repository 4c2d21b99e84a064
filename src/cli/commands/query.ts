import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import Table from 'cli-table3';
import { Option, type Command } from 'commander';
import { exitCodes } from '../exit-codes.js';
import { CommandFailure } from '../failure.js';
import type { RunCommand } from '../program.js';
import type { Session } from '../session.js';
import { printable } from '../terminal-text.js';

interface QueryOptions {
  readonly format: string;
  readonly param: Readonly<Record<string, string>>;
  readonly output?: string;
  readonly maxRows: number;
}

/** What a format is called on the command line, and in the engine. */
const FORMATS: Readonly<Record<string, string>> = {
  table: 'JSON',
  json: 'JSON',
  ndjson: 'JSONEachRow',
  csv: 'CSV',
  parquet: 'Parquet',
  arrow: 'Arrow',
};
const NO_LINES_BETWEEN_ROWS = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' };
const BINARY_FORMATS = ['parquet', 'arrow'];

interface JsonResult {
  readonly meta: readonly { readonly name: string; readonly type: string }[];
  readonly data: readonly Readonly<Record<string, unknown>>[];
  readonly rows: number;
}

export function addQuery(program: Command, run: RunCommand): void {
  program
    .command('query')
    .description('run one read-only ClickHouse SQL statement over your spans')
    .argument('[sql]', 'the statement; `-` or nothing reads it from standard input')
    .addOption(
      new Option('-f, --format <format>', 'how to print the result')
        .choices(Object.keys(FORMATS))
        .default('table'),
    )
    .option(
      '-p, --param <name=value>',
      'value of a {name:Type} in the statement; repeatable',
      collectParam,
      {},
    )
    .option('-o, --output <file>', 'write to a file')
    .option('--max-rows <n>', 'most rows that `table` draws', Number, 1000)
    .addHelpText(
      'after',
      `
Examples:
  $ mplp query 'SELECT action_name, count() FROM spans GROUP BY ALL ORDER BY 2 DESC'
  $ mplp query 'SELECT * FROM spans WHERE agent_id = {agent:UUID}' -p agent=$AGENT -f ndjson
  $ mplp query -f parquet -o spans.parquet < statement.sql`,
    )
    .action((sql: string | undefined, options: QueryOptions, command: Command) =>
      run(command, (session) => query(session, sql, options)),
    );
}

async function query(session: Session, argument: string | undefined, options: QueryOptions): Promise<number> {
  const { stdin, stdout, client, signal } = session;
  const binary = BINARY_FORMATS.includes(options.format);
  if (binary && options.output === undefined && stdout.isTTY) {
    throw new CommandFailure(
      `${options.format} is not for a terminal.`,
      'Name a file with --output, or send it into a pipe.',
    );
  }
  const fromInput = argument === undefined || argument === '-';
  if (fromInput && stdin.isTTY) session.say('Type the statement, then Ctrl-D.');
  const sql = fromInput ? await text(stdin) : argument;
  if (sql.trim() === '')
    throw new CommandFailure(
      'There is no statement.',
      'Try: mplp query "SELECT count() FROM spans"',
      exitCodes.usage,
    );

  const format = FORMATS[options.format] ?? options.format;
  const response = await client.query(sql, { format, params: options.param, signal });
  if (options.format === 'table' && options.output === undefined) {
    await session.print(drawTable(session, (await response.json()) as JsonResult, options.maxRows));
    return exitCodes.ok;
  }
  const body = response.body;
  if (body === null) return exitCodes.ok;
  const chunks = Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]);
  if (options.output !== undefined) await pipeline(chunks, createWriteStream(options.output), { signal });
  else for await (const chunk of chunks) await session.print(chunk as Uint8Array);
  return exitCodes.ok;
}

function drawTable(session: Session, result: JsonResult, maxRows: number): string {
  const { colors } = session;
  const table = new Table({
    head: result.meta.map(({ name }) => colors.bold(printable(name))),
    style: { head: [], border: [] },
    chars: NO_LINES_BETWEEN_ROWS,
  });
  for (const row of result.data.slice(0, maxRows))
    table.push(result.meta.map(({ name }) => showCell(row[name])));
  const hidden = result.data.length - maxRows;
  const count = `${result.data.length} row${result.data.length === 1 ? '' : 's'}`;
  const note = hidden > 0 ? `; ${hidden} of them not drawn: raise --max-rows or use another --format` : '';
  return `${table.toString()}\n${colors.dim(`${count}${note}`)}\n`;
}

function showCell(value: unknown): string {
  return printable(typeof value === 'string' ? value : value === null ? 'NULL' : JSON.stringify(value));
}

function collectParam(pair: string, known: Readonly<Record<string, string>>): Record<string, string> {
  const equals = pair.indexOf('=');
  if (equals < 1)
    throw new CommandFailure(`--param ${pair} is not of the form name=value.`, '', exitCodes.usage);
  return { ...known, [pair.slice(0, equals)]: pair.slice(equals + 1) };
}
