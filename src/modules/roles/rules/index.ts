export {
  combineCapabilities,
  findMissingCapabilities,
  levels,
  type MissingCapability,
  type RequiredCapability,
} from './capabilities.js';
export type { Attributes } from './conditions.js';
export type { Usage } from './constraints.js';
export { decide, deniesSome, type AccessRequest, type Decision, type Reason } from './decide.js';
export {
  describeInheritanceFault,
  findFaultsOfInheriting,
  findInheritanceFaults,
  parentsOf,
  type FindRole,
  type InheritanceFault,
} from './inheritance.js';
export type { Target } from './matching.js';
export {
  MAX_ANCESTORS,
  MAX_INHERITANCE_DEPTH,
  type EffectiveCapability,
  type EffectiveConstraint,
  type EffectiveRole,
  type EffectiveRule,
  type Role,
} from './model.js';
export { findPredefinedRole, predefinedRoles } from './predefined.js';
export { resolveRoles, type ResolvedRoles } from './resolve.js';
export { findRoleFaults } from './role-faults.js';
