export { createIntake, type BodyHead, type IncomingBody, type Intake, type IntakeOptions } from './intake.js';
export { bodyEncodingOf, bodyFormOf, type BodyEncoding } from './body-type.js';
export { readFrame, type FrameContent } from './frame-envelope.js';
export type { IntakeLedger } from './ledger.js';
export type { Receipt, SpanFault } from './receipt.js';
export type { SpanLimits } from './span-decoding.js';
