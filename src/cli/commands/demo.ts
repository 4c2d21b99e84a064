import { InvalidArgumentError, type Command } from 'commander';
import { createClient, sleep, type Span } from '../../client/index.js';
import { createFleet } from '../demo/fleet.js';
import { createRandom } from '../demo/random.js';
import { cancelUnfinished, scheduleMission, type DueSpan } from '../demo/schedule.js';
import { exitCodes } from '../exit-codes.js';
import type { RunCommand } from '../program.js';
import type { Session } from '../session.js';
import { formatCount, formatDuration } from '../terminal-text.js';

interface DemoOptions {
  readonly rate: number;
  readonly agents: number;
  readonly duration: number;
  readonly seed: number;
}

const TICK_MS = 250;
const REPORT_MS = 5_000;
const WARM_UP_MS = 20_000;
const MAX_BATCH_SPANS = 1_000;
/** Spans that are still to come, before the fleet takes on no more missions. */
const MAX_BACKLOG_SPANS = 200_000;

export function addDemo(program: Command, run: RunCommand): void {
  program
    .command('demo')
    .description('play a fleet of agents at work and send its spans, so that there is something to look at')
    .option('--rate <n>', 'spans a second, on average', parsePositive, 50)
    .option('--agents <n>', 'agents in the fleet', parseWhole, 24)
    .option('--duration <seconds>', 'how long; 0 plays until Ctrl-C', parseNumber, 60)
    .option('--seed <n>', 'the same seed plays the same fleet and missions', parseNumber, 1)
    .addHelpText(
      'after',
      `
Examples:
  $ mplp demo
  $ mplp demo --rate 2000 --agents 500 --duration 0`,
    )
    .action((options: DemoOptions, command: Command) => run(command, (session) => demo(session, options)));
}

/** Runs the fleet in real time. Missions are started so that their spans come at the wanted rate; at the end they are cancelled. */
async function demo(session: Session, options: DemoOptions): Promise<number> {
  const { signal, colors } = session;
  const client = createClient({
    url: session.url,
    key: session.key,
    retry: {
      maxAttempts: 8,
      onRetry: (error, delayMs) =>
        session.say(`${error.message} Trying again in ${formatDuration(delayMs)}.`),
    },
  });
  const random = createRandom(options.seed);
  const fleet = createFleet(random, options.agents);
  session.say(
    `${formatCount(fleet.agents.length)} agents send about ${formatCount(options.rate)} spans a second to ${session.url}, after what they did in the last ${WARM_UP_MS / 1000} seconds.`,
  );
  session.say(colors.dim('Meanwhile, in another terminal: mplp tail'));

  const startedAt = Date.now();
  const endAt = options.duration === 0 ? Infinity : startedAt + options.duration * 1000;
  let due: DueSpan[] = [];
  let planned = 0;
  let sent = 0;
  let shownTrace = '';
  let reportAt = startedAt + REPORT_MS;
  const send = async (spans: readonly Span[]): Promise<void> => {
    for (let from = 0; from < spans.length; from += MAX_BATCH_SPANS) {
      const batch = spans.slice(from, from + MAX_BATCH_SPANS);
      sent += (await client.sendSpans(batch, { signal })).accepted;
      // Best to show is a mission that has run to its end.
      shownTrace =
        batch.find((span) => isFinishedRoot(span))?.trace_id ?? (shownTrace || (batch[0]?.trace_id ?? ''));
    }
  };
  const takeOn = (startMs: () => number, spans: number): void => {
    const fresh: DueSpan[] = [];
    for (let count = 0; count < spans && due.length + fresh.length < MAX_BACKLOG_SPANS;) {
      const mission = fleet.planMission();
      fresh.push(...scheduleMission(mission, startMs()));
      count += mission.steps.length;
      planned += mission.steps.length;
    }
    if (fresh.length > 0) due = [...due, ...fresh].sort((a, b) => a.dueMs - b.dueMs);
  };
  try {
    // The fleet has been at work for a while: from the first moment, missions are under way and some have ended.
    takeOn(() => startedAt - random.between(0, WARM_UP_MS), (options.rate * WARM_UP_MS) / 1000);
    planned = 0;
    for (let now = startedAt; now < endAt; now = Date.now()) {
      const wanted = (options.rate * (now - startedAt + TICK_MS)) / 1000;
      if (planned < wanted) takeOn(() => now + random.between(0, TICK_MS), wanted - planned);
      const later = due.findIndex(({ dueMs }) => dueMs > now);
      await send(due.splice(0, later === -1 ? due.length : later).map(({ span }) => span));
      if (now >= reportAt) {
        session.say(`${formatCount(sent)} spans sent`);
        reportAt = now + REPORT_MS;
      }
      await sleep(Math.max(1, Math.min(endAt, now + TICK_MS) - Date.now()), signal);
    }
    await send(cancelUnfinished(due, Date.now()));
  } finally {
    if (sent > 0) await session.print(nextSteps(session, sent, shownTrace));
  }
  return exitCodes.ok;
}

function isFinishedRoot(span: Span): boolean {
  return (
    span.parent_span_id === undefined &&
    span.timestamp.end !== undefined &&
    span.result?.status !== 'cancelled'
  );
}

function nextSteps({ colors }: Session, sent: number, traceId: string): string {
  return `${formatCount(sent)} spans sent. What to try next:
  ${colors.bold(`mplp trace ${traceId}`)}
  ${colors.bold(`mplp query "SELECT action_name, count(), quantile(0.95)(duration_ns) / 1e6 AS p95_ms FROM spans GROUP BY ALL ORDER BY 2 DESC"`)}
`;
}

function parsePositive(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

function parseWhole(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1 || value > 100_000)
    throw new InvalidArgumentError('It must be a whole number from 1 to 100000.');
  return value;
}

function parseNumber(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new InvalidArgumentError('It must be a number from 0 on.');
  return value;
}
