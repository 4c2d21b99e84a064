/** The build-time validators of the protocol's schemas. Each leaves its faults in its `errors` property. */
export { validate as validateContext } from '../../generated/validators/context.js';
export { validate as validatePlan } from '../../generated/validators/plan.js';
export { validate as validateConfirm } from '../../generated/validators/confirm.js';
export { validate as validateTrace } from '../../generated/validators/trace.js';
export { validate as validateRole } from '../../generated/validators/role.js';
export { validate as validateExtension } from '../../generated/validators/extension.js';
export * as baseTypeValidators from '../../generated/validators/base-types.js';
