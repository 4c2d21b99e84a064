export { dateTimeToUnixNano, unixNanoToDateTime } from './date-time.js';
export type {
  OtlpAnyValue,
  OtlpEvent,
  OtlpKeyValue,
  OtlpLink,
  OtlpResource,
  OtlpScope,
  OtlpSpan,
} from './otlp-document.js';
export { flatText, nameId, otlpToSpan } from './otlp-mapping.js';
export type { FramedOtlpSpan, OtlpBodyJudge, OtlpForm } from './otlp-span-judge.js';
export { createSpanJudge, type SpanForm, type SpanJudge, type SpanJudgeOptions } from './span-judge.js';
export { MAX_SPAN_ERRORS, type TimeWindow } from './span-limits.js';
export { readStrictJson, MAX_DEPTH, type StrictDocument } from './strict-json.js';
export {
  baseTypeValidators,
  validateConfirm,
  validateContext,
  validateExtension,
  validatePlan,
  validateRole,
  validateTrace,
} from './validators.js';
export type { Context } from '../../generated/types/context.js';
export type { Plan } from '../../generated/types/plan.js';
export type { Confirm } from '../../generated/types/confirm.js';
export type { Trace } from '../../generated/types/trace.js';
export type { Role } from '../../generated/types/role.js';
export type { Extension } from '../../generated/types/extension.js';
