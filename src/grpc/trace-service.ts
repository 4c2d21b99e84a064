import { Metadata, type handleUnaryCall, type ServiceDefinition } from '@grpc/grpc-js';
import {
  encodeProtobufResponse,
  encodeProtobufStatus,
  endExport,
  type ExportFailure,
} from '../otlp/index.js';
import type { Authorizer } from '../security/index.js';
import type { Intake } from '../traces/intake/index.js';

const asIs = (bytes: Buffer): Buffer => bytes;

/** `opentelemetry.proto.collector.trace.v1.TraceService`, with messages left as bytes on both sides. */
export const traceServiceDefinition = {
  export: {
    path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    requestStream: false,
    responseStream: false,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  },
} as const satisfies ServiceDefinition;

/** How a call ends when it fails: code, text, and the same as `google.rpc.Status` with its details. */
export interface CallStatus {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

export function callStatusOf(failure: ExportFailure): CallStatus {
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', encodeProtobufStatus(failure));
  return { code: failure.rpcCode, details: failure.message, metadata };
}

export interface ExportCalls {
  /** Who the caller is, when it may write. @throws MplpError */
  readonly admit: (metadata: Metadata) => ReturnType<Authorizer['authorize']>;
  /** Called for whatever was thrown; gives the status that the client gets. */
  readonly fail: (error: unknown, startedMs: number) => CallStatus;
  readonly done: (startedMs: number) => void;
}

export function createExportHandler(intake: Intake, calls: ExportCalls): handleUnaryCall<Buffer, Buffer> {
  return (call, callback) => {
    const startedMs = performance.now();
    take(intake, calls.admit, call.metadata, call.request).then(
      (response) => {
        calls.done(startedMs);
        callback(null, response);
      },
      (error: unknown) => callback(calls.fail(error, startedMs)),
    );
  };
}

async function take(
  intake: Intake,
  admit: ExportCalls['admit'],
  metadata: Metadata,
  message: Buffer,
): Promise<Buffer> {
  const form = 'otlp-protobuf';
  const admitted = admit(metadata);
  const { projectId } = admitted instanceof Promise ? await admitted : admitted;
  const body = intake.open({
    projectId,
    form,
    encoding: 'identity',
    length: message.length,
    idempotencyKey: undefined,
    durability: 'spooled',
  });
  try {
    body.write(message);
    const partial = await endExport(() => body.end(), form, message.length);
    return encodeProtobufResponse(partial);
  } finally {
    body.drop();
  }
}
