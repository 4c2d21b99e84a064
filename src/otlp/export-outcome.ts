import { MplpError } from '../errors/index.js';
import type { Receipt, SpanFault } from '../traces/intake/index.js';
import type { OtlpForm } from './content-type.js';

/** `ExportTracePartialSuccess`: there when spans were refused, and only then. */
export interface PartialSuccess {
  readonly rejectedSpans: number;
  readonly errorMessage: string;
}

/** Spans whose faults are put into words, and faults of each. */
const MAX_NAMED_SPANS = 5;
const MAX_NAMED_FAULTS = 3;
const MAX_MESSAGE_LENGTH = 2_000;

/**
 * Ends the body of an export request; `undefined` means that all of it was taken. A request without a span is a
 * success (OTLP, "the server should respond with success to an empty request"); a JSON document of no bytes is none.
 *
 * @throws MplpError what the intake throws
 */
export async function endExport(
  end: () => Promise<Receipt>,
  form: OtlpForm,
  receivedBytes: number,
): Promise<PartialSuccess | undefined> {
  let receipt: Receipt;
  try {
    receipt = await end();
  } catch (error) {
    if (!(error instanceof MplpError) || error.code !== 'MPLP_ERR_TRACES_EMPTY') throw error;
    if (form === 'otlp-protobuf' || receivedBytes > 0) return undefined;
    throw error;
  }
  if (receipt.rejected === 0) return undefined;
  const total = receipt.accepted + receipt.duplicates + receipt.rejected;
  return {
    rejectedSpans: receipt.rejected,
    errorMessage: nameFaults(
      `${receipt.rejected} of ${total} spans were refused`,
      receipt.errors,
      receipt.rejected,
    ),
  };
}

/** The first faults in one sentence: `2 of 9 spans were refused: span 3: /traceId must …; span 5: …; and 1 more`. */
export function nameFaults(head: string, faults: readonly SpanFault[], rejected: number): string {
  if (faults.length === 0) return `${head}.`;
  const named = faults.slice(0, MAX_NAMED_SPANS).map(({ index, errors }) => {
    const texts = errors
      .slice(0, MAX_NAMED_FAULTS)
      .map(({ pointer, message }) => `${pointer} ${message}`.trim());
    return `span ${index}: ${texts.join(', ')}`;
  });
  const more = rejected - named.length;
  const text = `${head}: ${named.join('; ')}${more > 0 ? `; and ${more} more` : ''}.`;
  return text.length <= MAX_MESSAGE_LENGTH ? text : `${text.slice(0, MAX_MESSAGE_LENGTH - 1)}…`;
}
