import cliProgress from 'cli-progress';
import type { Session } from '../session.js';
import { formatCount } from '../terminal-text.js';
import type { Totals } from './progress-file.js';

export interface ProgressReport {
  /** `bytes` of the file were acknowledged so far. */
  update(bytes: number, totals: Totals): void;
  stop(): void;
}

const LINE_INTERVAL_MS = 2_000;

/** A bar on a terminal when the size is known, else a line every two seconds; both on standard error. */
export function createProgressReport(session: Session, totalBytes: number | undefined): ProgressReport {
  const startedAt = performance.now();
  let counted: number | undefined;
  const rateOf = ({ accepted, rejected, duplicates }: Totals): string => {
    const spans = accepted + rejected + duplicates;
    // What an earlier run had sent is no part of this one's rate.
    counted ??= spans;
    const seconds = (performance.now() - startedAt) / 1000;
    return formatCount((spans - counted) / Math.max(seconds, 0.001));
  };

  if (session.stderr.isTTY && totalBytes !== undefined) {
    const bar = new cliProgress.SingleBar(
      {
        stream: session.stderr,
        format: `{bar} {percentage} %  {spans} spans  {rate}/s  {rejected} rejected`,
        hideCursor: true,
        clearOnComplete: false,
        barsize: 30,
      },
      cliProgress.Presets.shades_classic,
    );
    bar.start(totalBytes, 0, { spans: 0, rate: 0, rejected: 0 });
    return {
      update: (bytes, totals) =>
        bar.update(Math.min(bytes, totalBytes), {
          spans: formatCount(totals.accepted),
          rate: rateOf(totals),
          rejected: formatCount(totals.rejected),
        }),
      stop: () => bar.stop(),
    };
  }

  let lastAt = startedAt;
  return {
    update(_bytes, totals) {
      const rate = rateOf(totals);
      if (performance.now() - lastAt < LINE_INTERVAL_MS) return;
      lastAt = performance.now();
      session.say(
        `${formatCount(totals.accepted)} spans accepted, ${formatCount(totals.rejected)} rejected, ${rate} spans/s`,
      );
    },
    stop: () => {},
  };
}
