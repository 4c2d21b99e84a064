export { dateTimeToUnixNano, unixNanoToDateTime } from './date-time.js';
export { readMessagePackSpan as readMessagePack } from './msgpack-span.js';
export {
  createSpanJudge,
  MAX_SPAN_ERRORS,
  type SpanForm,
  type SpanJudge,
  type SpanJudgeOptions,
  type TimeWindow,
} from './span-judge.js';
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
