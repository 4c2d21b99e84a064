import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { makeBatch, type BatchPlan } from './batches.js';

export interface LoadClient {
  readonly plan: BatchPlan;
  /** Numbers of all batches that were sent, answered or not. */
  readonly sent: ReadonlySet<number>;
  /** Numbers of those that were acknowledged. */
  readonly acknowledged: ReadonlySet<number>;
  /** How often the engine said 429 or 503. */
  readonly refusals: number;
  /** Answers that no client should get. */
  readonly complaints: readonly string[];
  /** Sends new batches until so many are acknowledged or the engine is gone. */
  send(url: string, batches: number, concurrency?: number): Promise<void>;
  /** Sends again, byte for byte, what was never answered, until it is acknowledged. */
  settle(url: string): Promise<void>;
  close(): void;
}

const REQUEST_TIMEOUT_MS = 30_000;

/**
 * A client that keeps its own journal, synced: one line when a batch is sent, one when it is acknowledged. So it
 * knows what it was promised even when everything else is killed.
 */
export function createLoadClient(plan: BatchPlan, journalPath: string, key: string): LoadClient {
  const journal = openSync(journalPath, 'a');
  const sent = new Set<number>();
  const acknowledged = new Set<number>();
  const complaints: string[] = [];
  let refusals = 0;
  let next = 0;

  function note(entry: object): void {
    writeSync(journal, `${JSON.stringify(entry)}\n`);
    fdatasyncSync(journal);
  }
  note({ plan: { ...plan, mark: undefined } });

  /** True when acknowledged; false when the engine is gone. */
  async function post(url: string, number: number): Promise<boolean> {
    const { body, spans } = makeBatch(plan, number);
    for (;;) {
      if (!sent.has(number))
        note({ batch: number, sent: Date.now(), spans: spans.map(({ spanId }) => spanId) });
      sent.add(number);
      let status: number;
      let text: string;
      let retryAfter: string | null;
      try {
        const reply = await fetch(`${url}/v1.0/traces`, {
          method: 'POST',
          headers: { 'content-type': 'application/x-ndjson', authorization: `Bearer ${key}` },
          body,
          signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
        });
        status = reply.status;
        retryAfter = reply.headers.get('retry-after');
        text = await reply.text();
      } catch (error) {
        note({ batch: number, error: String(error) });
        return false;
      }
      note({ batch: number, status });
      if (status === 202 || status === 200) {
        const receipt = JSON.parse(text) as { accepted: number; duplicates: number; rejected: number };
        if (receipt.accepted + receipt.duplicates !== spans.length)
          complaints.push(`batch ${number}: ${text}`);
        note({ batch: number, ack: receipt });
        acknowledged.add(number);
        return true;
      }
      if (status !== 429 && status !== 503)
        complaints.push(`batch ${number} was answered ${status}: ${text}`);
      if (status === 429 && retryAfter === null)
        complaints.push(`batch ${number} was answered 429 without Retry-After`);
      refusals++;
      await delay(100);
    }
  }

  async function all(url: string, numbers: Iterator<number>, concurrency: number): Promise<void> {
    let gone = false;
    const work = async (): Promise<void> => {
      while (!gone) {
        const { done, value } = numbers.next();
        if (done === true) return;
        if (!(await post(url, value))) gone = true;
      }
    };
    await Promise.all(Array.from({ length: concurrency }, work));
  }

  return {
    plan,
    sent,
    acknowledged,
    complaints,
    get refusals() {
      return refusals;
    },
    send(url, batches, concurrency = 4) {
      const target = acknowledged.size + batches;
      function* fresh(): Generator<number> {
        while (acknowledged.size < target) yield next++;
      }
      return all(url, fresh(), concurrency);
    },
    async settle(url) {
      const open = [...sent].filter((number) => !acknowledged.has(number));
      await all(url, open[Symbol.iterator](), 4);
      const left = open.filter((number) => !acknowledged.has(number));
      if (left.length > 0)
        complaints.push(`the engine went away while batches ${left.join(', ')} were settled`);
    },
    close: () => closeSync(journal),
  };
}
