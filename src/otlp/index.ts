export { findOtlpForm, otlpFormOf, replyTypeOf, type OtlpForm } from './content-type.js';
export { endExport, type PartialSuccess } from './export-outcome.js';
export { encodeExportResponse, encodeProtobufResponse } from './export-response.js';
export { failureOf, rpcCode, type ExportFailure } from './failure.js';
export { encodeProtobufStatus, encodeRpcStatus } from './rpc-status.js';
