import { Option, type Command } from 'commander';
import { ClientError, sleep, type Span, type TailFilter } from '../../client/index.js';
import type { RunCommand } from '../program.js';
import type { Colors, Session } from '../session.js';
import { findDurationMs } from '../span-times.js';
import { fit, formatCount, formatDuration, printable } from '../terminal-text.js';

interface TailOptions {
  readonly agent?: string;
  readonly context?: string;
  readonly action?: string;
  readonly status?: string;
  readonly json?: boolean;
}

const RECONNECT_MS = 1_000;

export function addTail(program: Command, run: RunCommand): void {
  program
    .command('tail')
    .description('watch spans as they come in')
    .option('--agent <id>', 'only spans of this agent')
    .option('--context <id>', 'only spans of this context')
    .option('--action <name>', 'only spans of this action')
    .addOption(
      new Option('--status <status>', 'only spans with this result').choices([
        'success',
        'failure',
        'timeout',
        'cancelled',
      ]),
    )
    .option('--json', 'one JSON span a line')
    .addHelpText(
      'after',
      `
Examples:
  $ mplp tail --status failure
  $ mplp tail --json | jq .action.name`,
    )
    .action((options: TailOptions, command: Command) => run(command, (session) => tail(session, options)));
}

/** Runs until it is interrupted; a connection that is lost after it stood once is made again. */
async function tail(session: Session, options: TailOptions): Promise<never> {
  const { client, signal, colors } = session;
  const filter: TailFilter = {
    agent_id: options.agent,
    context_id: options.context,
    action: options.action,
    status: options.status,
  };
  let hasStood = false;
  for (;;) {
    try {
      for await (const event of client.tail(filter, signal)) {
        if (event.kind === 'open') {
          session.say(colors.dim(`listening at ${session.url}; Ctrl-C ends it`));
          hasStood = true;
        } else if (event.kind === 'missed') {
          session.say(
            colors.yellow(`… ${formatCount(event.count)} spans came faster than they could be shown`),
          );
        } else {
          await session.print(
            `${options.json === true ? JSON.stringify(event.span) : drawSpan(event.span, colors)}\n`,
          );
        }
      }
    } catch (error) {
      signal.throwIfAborted();
      const isLost = !(error instanceof ClientError) || error.code === 'UNREACHABLE';
      if (!hasStood || !isLost) throw error;
    }
    session.say(colors.yellow('the connection was lost, connecting again'));
    await sleep(RECONNECT_MS, signal);
  }
}

function drawSpan(span: Span, colors: Colors): string {
  const status = span.result?.status ?? (span.timestamp.end === undefined ? 'running' : 'ended');
  const durationMs = findDurationMs(span);
  const error = span.result?.error;
  const parts = [
    colors.dim(span.timestamp.start.slice(11, 23).replace(/Z$/, '').padEnd(12)),
    paintStatus(status, fit(status, 9), colors),
    fit(printable(span.action.name), 32),
    (durationMs === undefined ? '' : formatDuration(durationMs)).padStart(10),
    colors.dim(`agent ${span.agent_id.slice(0, 8)}`),
    colors.dim(`trace ${span.trace_id}`),
  ];
  const message =
    error === undefined ? '' : `\n${' '.repeat(13)}${colors.red(printable(describeError(error)))}`;
  return `${parts.join(' ')}${message}`;
}

export function paintStatus(status: string, text: string, colors: Colors): string {
  if (status === 'success' || status === 'ended') return colors.green(text);
  if (status === 'failure') return colors.red(text);
  if (status === 'timeout') return colors.magenta(text);
  return status === 'cancelled' ? colors.yellow(text) : colors.cyan(text);
}

/** The `message` of an error object, else all of it. */
export function describeError(error: Readonly<Record<string, unknown>>): string {
  const message = error['message'];
  return typeof message === 'string' ? message : JSON.stringify(error);
}
