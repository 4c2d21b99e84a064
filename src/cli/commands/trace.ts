import type { Command } from 'commander';
import type { Span } from '../../client/index.js';
import { exitCodes } from '../exit-codes.js';
import { CommandFailure } from '../failure.js';
import type { RunCommand } from '../program.js';
import type { Colors, Session } from '../session.js';
import { elapsedMs, findDurationMs } from '../span-times.js';
import { buildSpanTree, type SpanNode } from '../span-tree.js';
import { fit, formatCount, formatDuration, printable } from '../terminal-text.js';
import { describeError, paintStatus } from './tail.js';

const BAR_CHARACTERS = 30;
const DURATION_CHARACTERS = 12;
const MIN_LABEL_CHARACTERS = 24;
const MAX_LABEL_CHARACTERS = 80;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function addTrace(program: Command, run: RunCommand): void {
  program
    .command('trace')
    .description('show one trace as a tree with durations')
    .argument('<id>', 'the trace_id')
    .option('--json', 'one JSON span a line instead')
    .addHelpText(
      'after',
      `
Examples:
  $ mplp query 'SELECT trace_id FROM traces ORDER BY start DESC LIMIT 5'
  $ mplp trace 6f9619ff-8b86-4d01-b42d-00cf4fc964ff`,
    )
    .action((id: string, options: { json?: boolean }, command: Command) =>
      run(command, (session) => trace(session, id, options)),
    );
}

async function trace(session: Session, id: string, options: { json?: boolean }): Promise<number> {
  if (!UUID.test(id)) {
    const hint = 'A trace id is a UUID; `mplp query "SELECT trace_id FROM traces LIMIT 10"` shows some.';
    throw new CommandFailure(`${id} is not a trace id.`, hint, exitCodes.usage);
  }
  const spans: Span[] = [];
  for await (const page of session.client.readSpans(id.toLowerCase(), session.signal)) {
    spans.push(...page.spans);
    if (options.json !== true) continue;
    await session.print(page.spans.map((span) => `${JSON.stringify(span)}\n`).join(''));
  }
  if (options.json !== true)
    await session.print(drawTrace(spans, session.stdout.columns ?? 120, session.colors));
  return exitCodes.ok;
}

/** The whole trace as text: a heading, then one line a span with its bar on the trace's time axis. */
function drawTrace(spans: readonly Span[], columns: number, colors: Colors): string {
  const first = spans[0];
  if (first === undefined) return 'The trace has no spans.\n';
  const start = spans.reduce(
    (a, b) => (elapsedMs(a, b.timestamp.start) < 0 ? b.timestamp.start : a),
    first.timestamp.start,
  );
  const totalMs = spans.reduce(
    (most, { timestamp }) => Math.max(most, elapsedMs(start, timestamp.end ?? timestamp.start)),
    0,
  );
  const failed = spans.filter(
    (span) => span.result?.status === 'failure' || span.result?.error !== undefined,
  ).length;
  const room = columns - DURATION_CHARACTERS - BAR_CHARACTERS - 3;
  const labelWidth = Math.max(MIN_LABEL_CHARACTERS, Math.min(MAX_LABEL_CHARACTERS, room));

  const lines = [
    `${colors.bold(`trace ${first.trace_id}`)}  ${formatCount(spans.length)} spans, ${formatDuration(totalMs)}, ` +
      (failed === 0 ? colors.green('no errors') : colors.red(`${failed} with errors`)) +
      colors.dim(`, from ${start}`),
  ];
  const open = buildSpanTree(spans)
    .reverse()
    .map((node) => ({ node, prefix: '', branch: '' }));
  for (let entry = open.pop(); entry !== undefined; entry = open.pop()) {
    const { node, prefix, branch } = entry;
    const below = branch === '' ? '' : prefix + (branch === '├─ ' ? '│  ' : '   ');
    lines.push(drawNode(node, prefix + branch, labelWidth, start, totalMs, colors));
    const error = node.span.result?.error;
    if (error !== undefined) {
      const guide = node.children.length > 0 ? '│ ' : '  ';
      lines.push(`${below}${guide}${colors.red(printable(describeError(error)))}`);
    }
    const children = node.children.map((child, i) => ({
      node: child,
      prefix: below,
      branch: i === node.children.length - 1 ? '└─ ' : '├─ ',
    }));
    open.push(...children.reverse());
  }
  return `${lines.join('\n')}\n`;
}

function drawNode(
  { span, isOrphan }: SpanNode,
  branch: string,
  labelWidth: number,
  start: string,
  totalMs: number,
  colors: Colors,
): string {
  const durationMs = findDurationMs(span);
  const status = span.result?.status ?? (durationMs === undefined ? 'running' : 'ended');
  const label = fit(
    `${branch}${printable(span.action.name)}${isOrphan ? ' (parent missing)' : ''}`,
    labelWidth,
  );
  const took = (durationMs === undefined ? 'running' : formatDuration(durationMs)).padStart(
    DURATION_CHARACTERS,
  );
  const bar = drawBar(elapsedMs(start, span.timestamp.start), durationMs ?? 0, totalMs);
  return `${label} ${took} ${paintStatus(status, bar, colors)}`;
}

function drawBar(offsetMs: number, durationMs: number, totalMs: number): string {
  const scale = totalMs > 0 ? BAR_CHARACTERS / totalMs : 0;
  const from = Math.min(BAR_CHARACTERS - 1, Math.floor(offsetMs * scale));
  const length = Math.max(1, Math.min(BAR_CHARACTERS - from, Math.round(durationMs * scale)));
  return ' '.repeat(from) + (durationMs * scale < 0.5 ? '▏' : '█'.repeat(length));
}
