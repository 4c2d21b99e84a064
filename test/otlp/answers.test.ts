import { ProtobufTraceSerializer, JsonTraceSerializer } from '@opentelemetry/otlp-transformer';
import { describe, expect, it } from 'vitest';
import { MplpError, errorTable, type ErrorCode } from '#dist/errors/index.js';
import {
  encodeExportResponse,
  encodeProtobufStatus,
  encodeRpcStatus,
  endExport,
  failureOf,
  findOtlpForm,
  otlpFormOf,
} from '#dist/otlp/index.js';
import { decodeExportResponse, decodeRpcStatus } from '../support/otlp-proto.js';

const receipt = {
  receipt: 'r',
  status: 'spooled' as const,
  accepted: 3,
  rejected: 0,
  duplicates: 0,
  errors: [],
  errors_truncated: false,
};
const fault = (index: number, message: string) => ({
  index,
  errors: [{ pointer: '/traceId', keyword: 'length', message }],
});
const asBytes = (body: string | Uint8Array): Uint8Array =>
  typeof body === 'string' ? Buffer.from(body) : body;

describe('an export response', () => {
  it('is empty when every span was taken, in both encodings', () => {
    expect(encodeExportResponse('otlp-json', undefined)).toBe('{}');
    expect(asBytes(encodeExportResponse('otlp-protobuf', undefined))).toHaveLength(0);
  });

  it.each([1, 127, 128, 16_384, 2 ** 32 + 5])(
    'says that %i spans were refused, as official code reads it',
    (count) => {
      const partial = { rejectedSpans: count, errorMessage: 'Zürich: span 0 „ist“ nichts 🙂' };
      const bytes = asBytes(encodeExportResponse('otlp-protobuf', partial));
      expect(decodeExportResponse(bytes)).toEqual({ partialSuccess: partial });
      if (count < 2 ** 31)
        expect(ProtobufTraceSerializer.deserializeResponse(bytes)).toMatchObject({ partialSuccess: partial });
      const json = asBytes(encodeExportResponse('otlp-json', partial));
      expect(JsonTraceSerializer.deserializeResponse(json)).toEqual({
        partialSuccess: { ...partial, rejectedSpans: String(count) },
      });
    },
  );
});

describe('the outcome of an export', () => {
  const end = (change: object) => endExport(async () => ({ ...receipt, ...change }), 'otlp-protobuf', 100);

  it('is nothing to tell when every span was taken, also when they came before', async () => {
    expect(await end({})).toBeUndefined();
    expect(await end({ accepted: 0, duplicates: 3 })).toBeUndefined();
  });

  it('names the first faults and counts all', async () => {
    const errors = Array.from({ length: 9 }, (_, i) => fault(i * 2, 'must be 16 bytes'));
    const partial = await end({ rejected: 12, errors });
    expect(partial?.rejectedSpans).toBe(12);
    expect(partial?.errorMessage).toBe(
      '12 of 15 spans were refused: span 0: /traceId must be 16 bytes; span 2: /traceId must be 16 bytes; ' +
        'span 4: /traceId must be 16 bytes; span 6: /traceId must be 16 bytes; span 8: /traceId must be 16 bytes; and 7 more.',
    );
  });

  it('never says more than fits into a log line', async () => {
    const partial = await end({ rejected: 1, errors: [fault(0, 'x'.repeat(100_000))] });
    expect(partial?.errorMessage.length).toBeLessThanOrEqual(2_000);
  });

  it('of a request without spans is a success, of one without a document it is not', async () => {
    const empty = async (): Promise<never> => {
      throw new MplpError('MPLP_ERR_TRACES_EMPTY', 'The body is empty.');
    };
    expect(await endExport(empty, 'otlp-protobuf', 0)).toBeUndefined();
    expect(await endExport(empty, 'otlp-json', 2)).toBeUndefined();
    await expect(endExport(empty, 'otlp-json', 0)).rejects.toThrow('empty');
  });
});

describe('a failure', () => {
  it('is retryable only with the statuses that OTLP clients retry, and then says when', () => {
    for (const code of Object.keys(errorTable) as ErrorCode[]) {
      const failure = failureOf(new MplpError(code, 'because'));
      const isRetryable = [429, 502, 503, 504].includes(failure.httpStatus);
      if (errorTable[code].retryable) expect([code, isRetryable]).toEqual([code, true]);
      expect([code, failure.retryAfterSeconds !== undefined]).toEqual([code, errorTable[code].retryable]);
      // UNAVAILABLE is retried whatever its details say; RESOURCE_EXHAUSTED only with RetryInfo.
      if (!errorTable[code].retryable && failure.httpStatus < 500)
        expect([code, failure.rpcCode]).not.toEqual([code, 14]);
    }
  });

  it.each<[ErrorCode, number, number]>([
    ['MPLP_ERR_TRACES_MALFORMED', 400, 3],
    ['MPLP_ERR_TRACES_INVALID', 400, 3],
    ['MPLP_ERR_SECURITY_UNAUTHENTICATED', 401, 16],
    ['MPLP_ERR_SECURITY_FORBIDDEN', 403, 7],
    ['MPLP_ERR_HTTP_BODY_TOO_LARGE', 413, 8],
    ['MPLP_ERR_HTTP_UNSUPPORTED_MEDIA_TYPE', 415, 3],
    ['MPLP_ERR_TRACES_SPOOL_FULL', 429, 8],
    ['MPLP_ERR_TRACES_OVERLOADED', 429, 8],
    ['MPLP_ERR_TRACES_DRAINING', 503, 14],
    ['MPLP_ERR_TRACES_SPOOL_FAILED', 503, 14],
    ['MPLP_ERR_HTTP_TIMEOUT', 503, 14],
    ['MPLP_ERR_HTTP_INTERNAL', 503, 14],
  ])('%s is HTTP %i and gRPC %i', (code, httpStatus, rpcCode) => {
    expect(failureOf(new MplpError(code, 'because'))).toMatchObject({ httpStatus, rpcCode });
  });

  it('of unknown kind tells nothing of its cause', () => {
    const failure = failureOf(new Error('password=hunter2'));
    expect(failure).toMatchObject({ httpStatus: 503, rpcCode: 14, violations: [] });
    expect(failure.message).not.toContain('hunter2');
  });

  it('becomes a google.rpc.Status with its details, in both encodings', () => {
    const invalid = failureOf(
      new MplpError('MPLP_ERR_TRACES_INVALID', 'None of the 2 spans is valid.', {
        extensions: { rejected: 2, errors: [fault(0, 'must be 16 bytes'), fault(1, 'must not be zero')] },
      }),
    );
    const violations = [
      { field: 'span 0: /traceId', description: 'must be 16 bytes' },
      { field: 'span 1: /traceId', description: 'must not be zero' },
    ];
    const message =
      'None of the 2 spans is valid: span 0: /traceId must be 16 bytes; span 1: /traceId must not be zero.';
    expect(decodeRpcStatus(encodeProtobufStatus(invalid))).toEqual({
      code: 3,
      message,
      retryDelaySeconds: undefined,
      violations,
    });
    expect(JSON.parse(encodeRpcStatus('otlp-json', invalid) as string)).toEqual({
      code: 3,
      message,
      details: [{ '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: violations }],
    });

    const full = failureOf(new MplpError('MPLP_ERR_TRACES_SPOOL_FULL', 'Full.', { retryAfterSeconds: 6.2 }));
    expect(decodeRpcStatus(encodeProtobufStatus(full))).toEqual({
      code: 8,
      message: 'Full.',
      retryDelaySeconds: 7,
      violations: [],
    });
    expect(JSON.parse(encodeRpcStatus(undefined, full) as string)).toEqual({
      code: 8,
      message: 'Full.',
      details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '7s' }],
    });
  });
});

describe('the content type', () => {
  it('is one of two, whatever its case and parameters', () => {
    expect(otlpFormOf('application/x-protobuf')).toBe('otlp-protobuf');
    expect(otlpFormOf('Application/JSON; charset=utf-8')).toBe('otlp-json');
    for (const other of [
      '',
      'text/plain',
      'application/protobuf',
      'application/x-ndjson',
      'application/jsonx',
    ]) {
      expect([other, findOtlpForm(other)]).toEqual([other, undefined]);
      expect(() => otlpFormOf(other)).toThrow('application/x-protobuf');
    }
  });
});
