import { createWriteStream, type WriteStream } from 'node:fs';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { createClient } from '../../client/index.js';
import { exitCodes } from '../exit-codes.js';
import { CommandFailure } from '../failure.js';
import { readBatches, type Batch } from '../ingest/batches.js';
import { BrokenFile, type SpanForm } from '../ingest/item-scanner.js';
import {
  checkUnchanged,
  createProgressFile,
  type ProgressFile,
  type Totals,
} from '../ingest/progress-file.js';
import { createProgressReport } from '../ingest/progress-report.js';
import { sendBatch, type BatchOutcome, type Rejection } from '../ingest/send-batch.js';
import { describeSource, openSource, type SpanSource } from '../ingest/source.js';
import type { RunCommand } from '../program.js';
import type { Session } from '../session.js';
import { formatCount, formatDuration, printable } from '../terminal-text.js';

interface IngestOptions {
  readonly format?: SpanForm;
  readonly restart?: boolean;
  readonly rejects?: string;
  readonly batchSpans: number;
  readonly concurrency: number;
}

const MAX_BATCH_BYTES = 4 * 1024 * 1024;
/** Rejected spans that are told on standard error; the rest is counted, and `--rejects` has all. */
const SHOWN_REJECTIONS = 20;
/** Tries of one request: with growing pauses of up to a minute, about a quarter of an hour. */
const MAX_ATTEMPTS = 20;

export function addIngest(program: Command, run: RunCommand): void {
  program
    .command('ingest')
    .description('send the spans of a file')
    .argument('<file>', '.ndjson, .jsonl, .json or .msgpack, each also with .gz; `-` reads standard input')
    .addOption(
      new Option('--format <form>', 'form of the spans, when the name does not tell').choices([
        'ndjson',
        'json',
        'msgpack',
      ]),
    )
    .option('--restart', 'send all of it, also what an earlier run has sent')
    .option('--rejects <file>', 'write what is wrong with rejected spans to a file, one JSON object a line')
    .option('--batch-spans <n>', 'spans in one request', parsePositive, 1000)
    .option('--concurrency <n>', 'requests at a time', parsePositive, 4)
    .addHelpText(
      'after',
      `
An interrupted run goes on where it stopped: <file>.mplp-progress keeps the place until the file is done.

Examples:
  $ mplp ingest spans.ndjson.gz
  $ jq -c '.[]' spans.json | mplp ingest - --rejects rejects.ndjson`,
    )
    .action((file: string, options: IngestOptions, command: Command) =>
      run(command, (session) => ingest(session, describeSource(file, options.format), options)),
    );
}

async function ingest(session: Session, source: SpanSource, options: IngestOptions): Promise<number> {
  const { signal, stdin, colors } = session;
  const progressFile =
    source.path === undefined ? undefined : createProgressFile({ ...source, path: source.path });
  if (options.restart === true) progressFile?.remove();
  const progress = progressFile?.read();
  if (progress !== undefined) {
    await checkUnchanged(source, progress, stdin);
    session.say(
      `going on at byte ${formatCount(progress.offset)}; ${formatCount(progress.totals.accepted)} spans were accepted before`,
    );
  }

  const client = createClient({
    url: session.url,
    key: session.key,
    retry: {
      maxAttempts: MAX_ATTEMPTS,
      onRetry: (error, delayMs) =>
        session.say(colors.yellow(`${error.message} Trying again in ${formatDuration(delayMs)}.`)),
    },
  });
  const totals: Totals = progress?.totals ?? { accepted: 0, rejected: 0, duplicates: 0 };
  const rejects = createRejectLog(session, options.rejects, progress !== undefined);
  const report = createProgressReport(session, source.isCompressed ? undefined : source.bytes);
  const startedAt = performance.now();
  const acceptedBefore = totals.accepted;

  const settle = (batch: Batch, outcome: BatchOutcome): void => {
    totals.accepted += outcome.accepted;
    totals.rejected += outcome.rejected;
    totals.duplicates += outcome.duplicates;
    rejects.add(outcome.rejections);
    progressFile?.save(batch, totals);
    report.update(batch.end, totals);
  };
  try {
    const chunks = openSource(source, progress?.offset ?? 0, stdin);
    const limits = { maxSpans: options.batchSpans, maxBytes: MAX_BATCH_BYTES };
    const batches = readBatches(chunks, source.form, limits, progress?.offset, progress?.state);
    await sendAll(
      batches,
      options.concurrency,
      signal,
      (batch, stop) => sendBatch(client, batch, source.form, stop),
      settle,
    );
  } catch (error) {
    report.stop();
    throw explainStop(error, progressFile, signal);
  } finally {
    report.stop();
    await rejects.close();
  }
  progressFile?.remove();
  const seconds = (performance.now() - startedAt) / 1000;
  await session.print(
    `accepted ${formatCount(totals.accepted)}, rejected ${formatCount(totals.rejected)}, duplicates ${formatCount(totals.duplicates)}` +
      ` (${formatDuration(seconds * 1000)}, ${formatCount((totals.accepted - acceptedBefore) / Math.max(seconds, 0.001))} spans/s)\n`,
  );
  return totals.rejected > 0 ? exitCodes.someRejected : exitCodes.ok;
}

/**
 * Keeps `concurrency` batches under way and settles them in the order of the file, so that what is settled is always
 * its beginning. The first failure stops the others and is thrown.
 */
async function sendAll(
  batches: AsyncIterable<Batch>,
  concurrency: number,
  signal: AbortSignal,
  send: (batch: Batch, signal: AbortSignal) => Promise<BatchOutcome>,
  settle: (batch: Batch, outcome: BatchOutcome) => void,
): Promise<void> {
  const stop = new AbortController();
  const eitherSignal = AbortSignal.any([signal, stop.signal]);
  const underWay: { batch: Batch; outcome: Promise<BatchOutcome> }[] = [];
  const settleOldest = async (): Promise<void> => {
    const oldest = underWay.shift();
    if (oldest !== undefined) settle(oldest.batch, await oldest.outcome);
  };
  try {
    for await (const batch of batches) {
      signal.throwIfAborted();
      const outcome = send(batch, eitherSignal);
      // It may fail while an older one is waited for; the failure is seen when its turn comes.
      outcome.catch(() => {});
      underWay.push({ batch, outcome });
      if (underWay.length >= concurrency) await settleOldest();
    }
    while (underWay.length > 0) await settleOldest();
  } catch (error) {
    if (error instanceof BrokenFile) {
      while (underWay.length > 0) await settleOldest();
    }
    stop.abort();
    throw error;
  }
}

function explainStop(error: unknown, progressFile: ProgressFile | undefined, signal: AbortSignal): unknown {
  const again = progressFile === undefined ? '' : `The same command goes on where it stopped.`;
  if (error instanceof BrokenFile) {
    return new CommandFailure(
      `The file is broken at byte ${error.offset}: ${error.message}. All spans before were sent.`,
      again,
    );
  }
  if (signal.aborted) return signal.reason;
  if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')) {
    return new CommandFailure(`The compressed file is broken: ${error.message}.`, again);
  }
  return error;
}

interface RejectLog {
  add(rejections: readonly Rejection[]): void;
  close(): Promise<void>;
}

function createRejectLog(session: Session, path: string | undefined, isContinued: boolean): RejectLog {
  const file: WriteStream | undefined =
    path === undefined ? undefined : createWriteStream(path, { flags: isContinued ? 'a' : 'w' });
  let shown = 0;
  return {
    add(rejections) {
      for (const { line, errors } of rejections) {
        file?.write(`${JSON.stringify({ line, errors })}\n`);
        if (file !== undefined || shown > SHOWN_REJECTIONS) continue;
        shown += 1;
        const reasons = errors.map((fault) => `${fault.pointer} ${fault.message}`.trim()).join('; ');
        const more = 'more spans were rejected; --rejects <file> lists them all';
        session.say(shown > SHOWN_REJECTIONS ? more : `line ${line}: ${printable(reasons)}`);
      }
    },
    close: () => new Promise((done) => (file === undefined ? done() : file.end(done))),
  };
}

function parsePositive(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('It must be a whole number from 1 on.');
  return value;
}
