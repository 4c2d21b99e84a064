import { unsupportedContentType } from '../errors/index.js';

/** Those of the native contract's body forms that carry OTLP. */
export type OtlpForm = 'otlp-protobuf' | 'otlp-json';

const forms: ReadonlyMap<string, OtlpForm> = new Map([
  ['application/x-protobuf', 'otlp-protobuf'],
  ['application/json', 'otlp-json'],
]);

/** `undefined` for a content type that OTLP does not have. */
export function findOtlpForm(contentType: string): OtlpForm | undefined {
  const semicolon = contentType.indexOf(';');
  return forms.get((semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase());
}

/** @throws MplpError MPLP_ERR_HTTP_UNSUPPORTED_MEDIA_TYPE */
export function otlpFormOf(contentType: string): OtlpForm {
  const form = findOtlpForm(contentType);
  if (form !== undefined) return form;
  throw unsupportedContentType(contentType, 'OTLP is taken as application/x-protobuf or application/json.');
}

/** What answers are in: the request's own encoding, and JSON, which anybody can read, where that is not known. */
export function replyTypeOf(form: OtlpForm | undefined): string {
  return form === 'otlp-protobuf' ? 'application/x-protobuf' : 'application/json';
}
