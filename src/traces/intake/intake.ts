import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Piscina } from 'piscina';
import { MplpError, type FieldError } from '../../errors/index.js';
import type { BodyForm, NativeAddon } from '../../native/index.js';
import type { Logger } from '../../observability/log.js';
import { createSpanJudge } from '../../protocol/index.js';
import type { TailSink } from '../live/contract.js';
import type { Commit, KnownReceipt, ReceiptBook, ReceiptEntry, Spool } from '../spool/index.js';
import { createBodySlots, BODY_SLACK_BYTES, type BodySlot } from './body-slots.js';
import type { BodyEncoding } from './body-type.js';
import type { DecodeReply, DecodeTask, WorkerSetup } from './decode-task.js';
import type { IntakeLedger } from './ledger.js';
import { createOpenGroup } from './open-group.js';
import { MAX_REPORTED_SPANS, type Receipt, type SpanFault } from './receipt.js';
import { createSequenceClock, createSharedTick, sequenceOf } from './sequence-clock.js';
import { decodeBody, type SpanLimits } from './span-decoding.js';
import { sliceForTail, tailForm } from './tail-slice.js';

/**
 * Bodies below are decoded on the main thread into the open group: a hop to a thread costs about 30 µs, as much
 * as decoding 32 KiB.
 */
const SMALL_BODY_BYTES = 32 * 1024;
const MAX_TAIL_MATCHES = 256;
const STORED_TIMEOUT_MS = 30_000;
const STORED_POLL_MS = 50;
/** Spans compressed by gzip. */
const COMMON_RATIO = 10;

export interface IntakeOptions {
  readonly native: NativeAddon;
  readonly spool: Spool;
  readonly receipts: ReceiptBook;
  readonly tail: TailSink;
  readonly ledger: IntakeLedger;
  readonly log: Logger;
  readonly limits: SpanLimits;
  readonly maxBodyBytes: number;
  readonly maxInflightBytes: number;
  readonly workers: number;
  readonly nodeId: number;
  /** Spans get higher sequence numbers than this. */
  readonly highestSequence: bigint;
}

export interface BodyHead {
  readonly projectId: string;
  readonly form: BodyForm;
  readonly encoding: BodyEncoding;
  /** Expected bytes; 0 when the client does not say. */
  readonly length: number;
  readonly idempotencyKey: string | undefined;
  /** `stored` waits until ClickHouse has the spans. */
  readonly durability: 'spooled' | 'stored';
}

/** A body on its way in: written piece by piece, then ended or dropped. */
export interface IncomingBody {
  /** Takes a piece; the bytes are copied. @throws MplpError MPLP_ERR_HTTP_BODY_TOO_LARGE, MPLP_ERR_TRACES_OVERLOADED */
  write(chunk: Uint8Array): void;
  /** The body is complete. @throws MplpError as `Intake.open`, and for what is wrong with the body. */
  end(): Promise<Receipt>;
  /** Gives the memory back when the body will not be completed. Idempotent. */
  drop(): void;
}

export interface Intake {
  /** @throws MplpError MPLP_ERR_TRACES_DRAINING, …_SPOOL_FULL, …_SPOOL_FAILED, …_OVERLOADED, MPLP_ERR_HTTP_BODY_TOO_LARGE */
  open(head: BodyHead): IncomingBody;
  /** For transports that cannot receive a body piece by piece: throws what `open` would throw now. */
  check(): void;
  findReceipt(projectId: string, receipt: string): KnownReceipt | undefined;
  /** True when new bodies would be refused now. */
  readonly underPressure: boolean;
  readonly inflightBytes: number;
  /** Refuses new bodies and waits for those under way. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

/** The client's name for a batch, which it must not give to another body. */
interface BatchKey {
  readonly hash: string;
  readonly content: string;
}

/** What decoding left of a body, from either path. */
interface Decoded {
  readonly total: number;
  readonly accepted: number;
  readonly faults: readonly SpanFault[];
  readonly malformed: FieldError | undefined;
}

export function createIntake(options: IntakeOptions): Intake {
  const { native, spool, receipts, tail, ledger, log } = options;
  const tick = createSharedTick(options.highestSequence);
  const clock = createSequenceClock(tick, options.nodeId);
  const group = createOpenGroup(native, spool);
  const context = {
    decoder: group.decoder,
    judge: createSpanJudge({ maxSpanBytes: options.limits.maxSpanBytes }),
    limits: options.limits,
  };
  const slots = createBodySlots(options.maxInflightBytes);
  const setup: WorkerSetup = {
    limits: options.limits,
    maxBodyBytes: options.maxBodyBytes,
    tick,
    nodeId: options.nodeId,
  };
  const pool = new Piscina<DecodeTask, DecodeReply>({
    filename: new URL('./decode-worker.js', import.meta.url).href,
    minThreads: options.workers,
    maxThreads: options.workers,
    concurrentTasksPerWorker: 2,
    workerData: setup,
  });
  /** Batches that are not durable yet, by project and hash: the same batch waits for the first. */
  const pending = new Map<string, Promise<{ entry: ReceiptEntry; commit: Commit }>>();
  /** Bodies with an Idempotency-Key that are under way, by project and key. Later the receipts know the key. */
  const keyed = new Map<string, { readonly content: string; readonly done: Promise<unknown> }>();
  let tailVersion = -1;
  let inflightBytes = 0;
  let open = 0;
  let draining = false;
  let whenDone: (() => void)[] = [];

  function admit(bytes: number): void {
    if (draining)
      throw new MplpError('MPLP_ERR_TRACES_DRAINING', 'The engine is shutting down.', {
        retryAfterSeconds: 5,
      });
    const pressure = spool.pressure();
    if (!pressure.accepts) {
      ledger.shedBody(bytes);
      throw pressure.code === 'failed'
        ? new MplpError('MPLP_ERR_TRACES_SPOOL_FAILED', 'The spool cannot make spans durable.', {
            retryAfterSeconds: pressure.retryAfterSeconds,
          })
        : new MplpError(
            'MPLP_ERR_TRACES_SPOOL_FULL',
            'The spool is full; spans are taken again as soon as ClickHouse has caught up.',
            {
              retryAfterSeconds: pressure.retryAfterSeconds,
            },
          );
    }
    if (inflightBytes > 0 && inflightBytes + bytes > options.maxInflightBytes) {
      ledger.shedBody(bytes);
      throw new MplpError(
        'MPLP_ERR_TRACES_OVERLOADED',
        'More spans are being sent than the engine can take in.',
        { retryAfterSeconds: 1 },
      );
    }
  }

  const tooLarge = (): MplpError =>
    new MplpError('MPLP_ERR_HTTP_BODY_TOO_LARGE', `The body is larger than ${options.maxBodyBytes} bytes.`);

  function openBody(head: BodyHead): IncomingBody {
    if (head.length > options.maxBodyBytes) throw tooLarge();
    admit(head.length);
    const slot = slots.take(head.length);
    let length = 0;
    let held = head.length;
    let dropped = false;
    inflightBytes += held;
    open++;
    const release = (): void => {
      if (dropped) return;
      dropped = true;
      inflightBytes -= held;
      slots.release(slot);
      if (--open === 0) {
        for (const resolve of whenDone) resolve();
        whenDone = [];
      }
    };
    let ended = false;
    return {
      drop() {
        // Once ended, the body belongs to the decoder, also when its sender goes away meanwhile.
        if (!ended) release();
      },
      write(chunk) {
        if (dropped) return;
        const end = length + chunk.length;
        if (end > options.maxBodyBytes) throw tooLarge();
        if (end > held) {
          if (inflightBytes > held && inflightBytes - held + end > options.maxInflightBytes) {
            ledger.shedBody(end);
            throw new MplpError(
              'MPLP_ERR_TRACES_OVERLOADED',
              'More spans are being sent than the engine can take in.',
              { retryAfterSeconds: 1 },
            );
          }
          inflightBytes += end - held;
          held = end;
        }
        if (end + BODY_SLACK_BYTES > slot.bytes.length) slots.grow(slot, end, length);
        native.copyBytes(slot.bytes, length, chunk);
        length = end;
      },
      async end() {
        ended = true;
        try {
          return await take(head, slot, length);
        } finally {
          release();
        }
      },
    };
  }

  async function take(head: BodyHead, slot: BodySlot, length: number): Promise<Receipt> {
    if (length === 0) throw new MplpError('MPLP_ERR_TRACES_EMPTY', 'The body is empty.');
    return head.idempotencyKey === undefined
      ? takeBody(head, slot, length, undefined)
      : takeKeyed(head, head.idempotencyKey, slot, length);
  }

  async function takeKeyed(
    head: BodyHead,
    idempotencyKey: string,
    slot: BodySlot,
    length: number,
  ): Promise<Receipt> {
    const text = Buffer.from(`idempotency-key:${idempotencyKey}`, 'utf8');
    const key: BatchKey = {
      hash: native.contentHash(text, text.length),
      content: native.contentHash(slot.bytes, length),
    };
    const name = `${head.projectId}:${key.hash}`;
    for (;;) {
      const twin = keyed.get(name);
      const known = twin?.content ?? receipts.findByHash(head.projectId, key.hash)?.content;
      if (known !== undefined && known !== key.content) {
        throw new MplpError(
          'MPLP_ERR_HTTP_IDEMPOTENCY_MISMATCH',
          'This Idempotency-Key came with another body before.',
        );
      }
      if (twin === undefined) break;
      // It may be refused yet; then the key is free again.
      await twin.done.catch(() => undefined);
    }
    const done = findEarlier(head, key.hash).then((earlier) => earlier ?? takeBody(head, slot, length, key));
    keyed.set(name, { content: key.content, done });
    try {
      return await done;
    } finally {
      keyed.delete(name);
    }
  }

  function takeBody(
    head: BodyHead,
    slot: BodySlot,
    length: number,
    key: BatchKey | undefined,
  ): Promise<Receipt> {
    return head.encoding === 'identity' && length < SMALL_BODY_BYTES && group.hasRoom
      ? takeSmall(head, slot, length, key)
      : takeLarge(head, slot, length, key);
  }

  async function takeSmall(
    head: BodyHead,
    slot: BodySlot,
    length: number,
    key: BatchKey | undefined,
  ): Promise<Receipt> {
    const hash = key?.hash ?? native.contentHash(slot.bytes, length);
    if (key === undefined) {
      const earlier = isKnown(head.projectId, hash) ? await findEarlier(head, hash) : undefined;
      if (earlier !== undefined) return earlier;
    }
    if (tailVersion !== tail.version) {
      tailVersion = tail.version;
      group.decoder.setTailFilters(tail.filters(), MAX_TAIL_MATCHES);
    }
    const seqBase = clock.reserve(length, head.form);
    const decoded = decodeBody(context, slot.bytes, length, head.form, head.projectId, seqBase);
    const watched = sliceForTail(context, slot.bytes, length, head.form, decoded.result, tailVersion);
    noteDisagreements(decoded.disagreements);
    return settle(head, hash, key?.content, decoded, watched, (entry) =>
      group.join(entry, seqBase, sequenceOf(seqBase, Math.max(0, decoded.total - 1))),
    );
  }

  async function takeLarge(
    head: BodyHead,
    slot: BodySlot,
    length: number,
    key: BatchKey | undefined,
  ): Promise<Receipt> {
    const block = slots.takeBlock(decodedBytes(head, length));
    let made: SharedArrayBuffer | undefined;
    try {
      const reply = await decodeInThread(head, slot, length, block);
      // The thread hands back ours, or a larger one that it made.
      if (reply.block.byteLength > block.byteLength) made = reply.block;
      return await settleLarge(head, reply, key);
    } finally {
      slots.releaseBlock(block);
      if (made !== undefined) slots.releaseBlock(made);
    }
  }

  /** Size of a body as the decoder will see it, as far as one can tell. */
  function decodedBytes(head: BodyHead, length: number): number {
    return head.encoding === 'identity' ? length : Math.min(length * COMMON_RATIO, options.maxBodyBytes);
  }

  type Decoding = Extract<DecodeReply, { fault?: undefined }>;

  async function decodeInThread(
    head: BodyHead,
    slot: BodySlot,
    length: number,
    block: SharedArrayBuffer,
  ): Promise<Decoding> {
    let reply: DecodeReply;
    try {
      reply = await pool.run({
        body: slot.body,
        length,
        form: head.form,
        encoding: head.encoding,
        projectId: head.projectId,
        block,
        tail: { version: tail.version, filters: tail.filters() },
      });
    } catch (cause) {
      log.error({ err: cause }, 'a decoder thread failed');
      throw new MplpError('MPLP_ERR_TRACES_OVERLOADED', 'The body could not be decoded now; send it again.', {
        cause,
        retryAfterSeconds: 1,
      });
    }
    if (reply.fault !== undefined) {
      const { code, detail, errors } = reply.fault;
      throw new MplpError(code, detail, errors === undefined ? {} : { errors });
    }
    return reply;
  }

  async function settleLarge(head: BodyHead, decoded: Decoding, key: BatchKey | undefined): Promise<Receipt> {
    noteDisagreements(decoded.disagreements);
    const hash = key?.hash ?? decoded.hash;
    if (key === undefined && isKnown(head.projectId, hash)) {
      const earlier = await findEarlier(head, hash);
      if (earlier !== undefined) return earlier;
    }
    return settle(head, hash, key?.content, decoded, decoded.tail, (entry) =>
      spool.append({
        block: new Uint8Array(decoded.block, 0, decoded.blockBytes),
        rows: decoded.accepted,
        crc32c: decoded.crc32c,
        seqFirst: decoded.seqBase,
        seqLast: sequenceOf(decoded.seqBase, Math.max(0, decoded.total - 1)),
        receipts: [entry],
      }),
    );
  }

  /** From verdicts to receipt: refuses what has nothing valid, else waits until the rest is durable. */
  async function settle(
    head: BodyHead,
    hash: string,
    content: string | undefined,
    decoded: Decoded,
    watched: Parameters<typeof publish>[1],
    append: (entry: ReceiptEntry) => Promise<Commit>,
  ): Promise<Receipt> {
    if (decoded.malformed !== undefined) {
      throw new MplpError(
        'MPLP_ERR_TRACES_MALFORMED',
        `The body cannot be read: ${decoded.malformed.message}.`,
        {
          errors: [decoded.malformed],
        },
      );
    }
    if (decoded.total === 0) throw new MplpError('MPLP_ERR_TRACES_EMPTY', 'The body holds no span.');
    const rejected = decoded.total - decoded.accepted;
    if (rejected > 0) ledger.rejected(rejected);
    if (decoded.accepted === 0) {
      throw new MplpError(
        'MPLP_ERR_TRACES_INVALID',
        decoded.total === 1 ? 'The span is not valid.' : `None of the ${decoded.total} spans is valid.`,
        {
          extensions: {
            accepted: 0,
            rejected,
            duplicates: 0,
            errors: decoded.faults,
            errors_truncated: rejected > decoded.faults.length,
          },
        },
      );
    }
    const entry: ReceiptEntry = {
      receipt: randomUUID(),
      projectId: head.projectId,
      hash,
      content,
      accepted: decoded.accepted,
      rejected,
    };
    const key = `${head.projectId}:${hash}`;
    const durable = append(entry).then((commit) => ({ entry, commit }));
    pending.set(key, durable);
    let commit: Commit;
    try {
      commit = (await durable).commit;
    } catch (error) {
      ledger.shed(decoded.accepted);
      throw error;
    } finally {
      pending.delete(key);
    }
    ledger.accepted(decoded.accepted);
    publish(head.form, watched);
    return {
      receipt: entry.receipt,
      status: head.durability === 'stored' ? await stored(commit) : 'spooled',
      accepted: decoded.accepted,
      rejected,
      duplicates: 0,
      errors: decoded.faults,
      errors_truncated: rejected > Math.min(decoded.faults.length, MAX_REPORTED_SPANS),
    };
  }

  function publish(
    form: BodyForm,
    watched:
      { version: number; body: Uint8Array; matches: Uint32Array; matchesDropped: Uint32Array } | undefined,
  ): void {
    if (watched !== undefined) tail.publish({ form: tailForm(form), ...watched });
  }

  function isKnown(projectId: string, hash: string): boolean {
    return pending.has(`${projectId}:${hash}`) || receipts.findByHash(projectId, hash) !== undefined;
  }

  /** The receipt of the same batch when it was taken in before. */
  async function findEarlier(head: BodyHead, hash: string): Promise<Receipt | undefined> {
    const underWay = pending.get(`${head.projectId}:${hash}`);
    if (underWay !== undefined) await underWay.catch(() => undefined);
    const earlier = receipts.findByHash(head.projectId, hash);
    if (earlier === undefined) return undefined;
    ledger.duplicates(earlier.accepted);
    return {
      receipt: earlier.receipt,
      status: head.durability === 'stored' ? await storedByNow(earlier) : earlier.status,
      accepted: 0,
      rejected: earlier.rejected,
      duplicates: earlier.accepted,
      errors: [],
      errors_truncated: earlier.rejected > 0,
    };
  }

  /** Waits for a batch that was taken in before: nobody holds its commit any more. */
  async function storedByNow({ projectId, receipt }: KnownReceipt): Promise<'stored' | 'spooled'> {
    const isStored = (): boolean => receipts.findById(projectId, receipt)?.status === 'stored';
    const until = performance.now() + STORED_TIMEOUT_MS;
    while (!isStored() && performance.now() < until) await sleep(STORED_POLL_MS);
    return isStored() ? 'stored' : 'spooled';
  }

  function noteDisagreements(count: number): void {
    if (count === 0) return;
    ledger.disagreements(count);
    log.error({ spans: count }, 'the native check refused spans that the judge finds valid');
  }

  return {
    open: openBody,
    check: () => admit(0),
    findReceipt: (projectId, receipt) => receipts.findById(projectId, receipt),
    get underPressure() {
      return draining || !spool.pressure().accepts || inflightBytes > options.maxInflightBytes / 2;
    },
    get inflightBytes() {
      return inflightBytes;
    },
    async drain() {
      draining = true;
      if (open > 0) await new Promise<void>((resolve) => whenDone.push(resolve));
      await group.idle();
    },
    async close() {
      draining = true;
      await pool.destroy();
    },
  };
}

async function stored(commit: Commit): Promise<'stored' | 'spooled'> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<'spooled'>((resolve) => {
    timer = setTimeout(() => resolve('spooled'), STORED_TIMEOUT_MS);
  });
  const status = await Promise.race([commit.stored.then(() => 'stored' as const), timeout]);
  clearTimeout(timer);
  return status;
}
