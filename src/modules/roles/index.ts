export type { Assignments } from './assignments.js';
export { attributesOf, readClaim, readName, type Claim, type ClaimAnswer } from './claims.js';
export type { Holdings } from './holdings.js';
export { createRoles, type Inheriting, type Roles, type RolesOptions } from './roles.js';
export {
  decide,
  deniesSome,
  describeInheritanceFault,
  predefinedRoles,
  type AccessRequest,
  type Attributes,
  type Decision,
  type EffectiveRole,
  type ResolvedRoles,
  type Role,
} from './rules/index.js';
