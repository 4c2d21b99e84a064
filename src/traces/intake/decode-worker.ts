import { workerData } from 'node:worker_threads';
import { MplpError } from '../../errors/index.js';
import { loadNative } from '../../native/index.js';
import { createSpanJudge } from '../../protocol/index.js';
import { inflateBody } from './body-type.js';
import type { DecodeReply, DecodeTask, WorkerSetup } from './decode-task.js';
import { createSequenceClock } from './sequence-clock.js';
import { decodeBody } from './span-decoding.js';
import { sliceForTail } from './tail-slice.js';

/** Matching spans of one body that are copied for the live tail; the rest are counted as missed. */
export const MAX_TAIL_MATCHES = 256;

const setup = workerData as WorkerSetup;
const native = loadNative();
const decoder = native.createSpanDecoder();
const judge = createSpanJudge({ maxSpanBytes: setup.limits.maxSpanBytes });
const clock = createSequenceClock(setup.tick, setup.nodeId);
const context = { decoder, judge, limits: setup.limits };
let tailVersion = -1;

/** Entry of a decoder thread: body in, Native block and verdicts out. */
export default function decode(task: DecodeTask): DecodeReply {
  if (task.tail.version !== tailVersion) {
    decoder.setTailFilters(task.tail.filters, MAX_TAIL_MATCHES);
    tailVersion = task.tail.version;
  }
  try {
    let body: Uint8Array = new Uint8Array(task.body);
    let length = task.length;
    if (task.encoding !== 'identity') {
      body = inflateBody(Buffer.from(body.subarray(0, length)), task.encoding, setup.maxBodyBytes);
      length = body.length;
    }
    const hash = native.contentHash(body, length);
    const { form, projectId } = task;
    const decoded = decodeBody(context, body, length, form, projectId, clock.reserve(length, form));
    let block = task.block;
    let blockBytes = 0;
    let crc32c = 0;
    if (decoder.rows > 0) {
      const needed = decoder.maxBlockBytes;
      if (block.byteLength < needed) block = new SharedArrayBuffer(needed + (needed >> 2));
      const written = decoder.take(new Uint8Array(block));
      blockBytes = written.bytes;
      crc32c = written.crc32c;
    }
    return {
      hash,
      total: decoded.total,
      accepted: decoded.accepted,
      faults: decoded.faults,
      malformed: decoded.malformed,
      disagreements: decoded.disagreements,
      seqBase: decoded.seqBase,
      block,
      blockBytes,
      crc32c,
      tail: sliceForTail(context, body, length, form, decoded.result, tailVersion),
    };
  } catch (error) {
    decoder.discard();
    if (error instanceof MplpError) {
      return {
        fault: { code: error.code, detail: error.message, ...(error.errors && { errors: error.errors }) },
      };
    }
    throw error;
  }
}
