import { ClientError, type Client, type RejectedSpan } from '../../client/index.js';
import { bodyTypes, encodeBody, type Batch } from './batches.js';
import type { SpanForm } from './item-scanner.js';

export interface Rejection {
  readonly line: number;
  readonly errors: RejectedSpan['errors'];
}

export interface BatchOutcome {
  readonly accepted: number;
  readonly rejected: number;
  readonly duplicates: number;
  /** What is wrong with the rejected spans, as far as the engine listed them. */
  readonly rejections: readonly Rejection[];
}

/**
 * Sends a batch and says what became of each span. A batch that is refused as a whole (too large, or one span breaks
 * the body) is sent again in halves until the span at fault stands alone. Throws a `ClientError` for anything else.
 */
export async function sendBatch(
  client: Client,
  batch: Batch,
  form: SpanForm,
  signal: AbortSignal,
): Promise<BatchOutcome> {
  async function send(from: number, to: number): Promise<BatchOutcome> {
    try {
      const body = encodeBody(batch.items.slice(from, to), form);
      const receipt = await client.sendBody(body, bodyTypes[form], { signal });
      return {
        accepted: receipt.accepted,
        rejected: receipt.rejected,
        duplicates: receipt.duplicates,
        rejections: receipt.errors.map((span) => atLine(span, from)),
      };
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      if (error.code === 'MPLP_ERR_TRACES_INVALID') {
        const spans = (error.problem?.errors ?? []) as readonly RejectedSpan[];
        return { ...nothing, rejected: to - from, rejections: spans.map((span) => atLine(span, from)) };
      }
      const isBodyAtFault =
        error.code === 'MPLP_ERR_TRACES_MALFORMED' || error.code === 'MPLP_ERR_HTTP_BODY_TOO_LARGE';
      if (!isBodyAtFault) throw error;
      if (to - from === 1) {
        const fault = { pointer: '', keyword: 'syntax', message: error.message };
        return { ...nothing, rejected: 1, rejections: [{ line: batch.lines[from] ?? 0, errors: [fault] }] };
      }
      const middle = Math.floor((from + to) / 2);
      return add(await send(from, middle), await send(middle, to));
    }
  }

  const atLine = (span: RejectedSpan, from: number): Rejection => ({
    line: batch.lines[from + span.index] ?? 0,
    errors: span.errors,
  });
  return send(0, batch.items.length);
}

const nothing: BatchOutcome = { accepted: 0, rejected: 0, duplicates: 0, rejections: [] };

function add(a: BatchOutcome, b: BatchOutcome): BatchOutcome {
  return {
    accepted: a.accepted + b.accepted,
    rejected: a.rejected + b.rejected,
    duplicates: a.duplicates + b.duplicates,
    rejections: [...a.rejections, ...b.rejections],
  };
}
