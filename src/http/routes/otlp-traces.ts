import {
  encodeExportResponse,
  encodeRpcStatus,
  endExport,
  failureOf,
  findOtlpForm,
  otlpFormOf,
  replyTypeOf,
} from '../../otlp/index.js';
import { bodyEncodingOf, type Intake } from '../../traces/intake/index.js';
import type { HttpReply } from '../contract.js';
import type { BodyReceiver, IngestHead, IngestRoute } from '../ingest-contract.js';
import { durabilityOf } from './durability.js';

/** `POST /v1/traces` of OTLP/HTTP, in protobuf and in JSON. */
export function createOtlpRoute(intake: Intake): IngestRoute {
  return {
    path: '/v1/traces',
    permission: 'traces:write',
    open: (head) => receive(intake, head),
    fail: refusal,
  };
}

function receive(intake: Intake, head: IngestHead): BodyReceiver {
  const form = otlpFormOf(head.contentType);
  const body = intake.open({
    projectId: head.principal.projectId,
    form,
    encoding: bodyEncodingOf(head.contentEncoding),
    length: head.contentLength,
    idempotencyKey: undefined,
    durability: durabilityOf(head.query),
  });
  let receivedBytes = 0;
  return {
    write(chunk) {
      receivedBytes += chunk.length;
      body.write(chunk);
    },
    drop: () => body.drop(),
    async end() {
      const partial = await endExport(() => body.end(), form, receivedBytes);
      return {
        status: 200,
        headers: { 'content-type': replyTypeOf(form) },
        body: encodeExportResponse(form, partial),
      };
    },
  };
}

/** A `google.rpc.Status` in the encoding of the request. */
function refusal(error: unknown, contentType: string): HttpReply {
  const form = findOtlpForm(contentType);
  const failure = failureOf(error);
  return {
    status: failure.httpStatus,
    headers: {
      'content-type': replyTypeOf(form),
      ...(failure.retryAfterSeconds !== undefined && { 'retry-after': String(failure.retryAfterSeconds) }),
      ...(failure.httpStatus === 401 && { 'www-authenticate': 'Bearer realm="mplp"' }),
    },
    body: encodeRpcStatus(form, failure),
  };
}
