import { isJsonObject } from '../../protocol/index.js';
import { checkSubject, invalid, refuseNul } from '../documents/index.js';
import type { Holdings } from './holdings.js';
import {
  decide,
  findMissingCapabilities,
  levels,
  type Attributes,
  type Decision,
  type MissingCapability,
  type RequiredCapability,
} from './rules/index.js';

/** What somebody would do: by default `execute` an `execution`, which is to take up work. */
export interface Claim {
  readonly subject: string;
  readonly resource: string;
  readonly resourceId: string | undefined;
  readonly action: string;
  /** What conditions of permissions compare, beside what is known of the subject. */
  readonly attributes: Attributes;
  /** What constraints compare, such as `{concurrent_tasks: 3}`, with the work that is claimed counted in. */
  readonly usage: Attributes;
  readonly capabilities: readonly RequiredCapability[];
}

export interface ClaimAnswer {
  /** The decision allows it, and no capability is missing. */
  readonly allowed: boolean;
  readonly roleIds: readonly string[];
  readonly decision: Decision;
  readonly missing: readonly MissingCapability[];
}

const MEMBERS = ['subject', 'resource', 'resource_id', 'action', 'attributes', 'usage', 'capabilities'];
const TYPES: readonly unknown[] = ['skill', 'permission', 'resource'];
const MAX_CAPABILITIES = 100;
const MAX_NAME = 256;

/** What conditions can compare of whoever asks. */
export function attributesOf(projectId: string, subject: string): Attributes {
  const colon = subject.indexOf(':');
  return {
    project_id: projectId,
    subject,
    subject_kind: subject.slice(0, Math.max(0, colon)),
    subject_id: subject.slice(colon + 1),
  };
}

export function answerClaim(projectId: string, claim: Claim, { roleIds, resolved }: Holdings): ClaimAnswer {
  const { resource, resourceId, action, usage } = claim;
  const attributes = { ...claim.attributes, ...attributesOf(projectId, claim.subject) };
  const decision = decide(resolved, { resource, resourceId, action, attributes, usage });
  const missing = findMissingCapabilities(resolved.roles, claim.capabilities);
  return { allowed: decision.allowed && missing.length === 0, roleIds, decision, missing };
}

/**
 * Reads `{subject, resource, resource_id, action, attributes, usage, capabilities: [{name, type, level}]}`.
 *
 * @throws MplpError MPLP_ERR_MODULES_INVALID
 */
export function readClaim(value: unknown): Claim {
  if (!isJsonObject(value)) throw invalid('', 'type', 'must be an object');
  for (const name of Object.keys(value))
    if (!MEMBERS.includes(name))
      throw invalid(
        `/${name.slice(0, 80).replaceAll('~', '~0').replaceAll('/', '~1')}`,
        'unknown',
        `is not among ${MEMBERS.join(', ')}`,
      );
  const { attributes = {}, usage = {}, capabilities = [] } = value;
  if (!isJsonObject(attributes)) throw invalid('/attributes', 'type', 'must be an object');
  if (!isJsonObject(usage)) throw invalid('/usage', 'type', 'must be an object');
  if (!Array.isArray(capabilities)) throw invalid('/capabilities', 'type', 'must be an array');
  if (capabilities.length > MAX_CAPABILITIES)
    throw invalid('/capabilities', 'maxItems', `must have at most ${MAX_CAPABILITIES} items`);
  return {
    subject: checkSubject(value['subject']),
    resource: readName(value['resource'] ?? 'execution', '/resource'),
    resourceId:
      value['resource_id'] === undefined ? undefined : readName(value['resource_id'], '/resource_id'),
    action: readName(value['action'] ?? 'execute', '/action'),
    attributes,
    usage,
    capabilities: capabilities.map((item, index) => readCapability(item, `/capabilities/${index}`)),
  };
}

/** A resource, an action or an id: never a pattern. @throws MplpError MPLP_ERR_MODULES_INVALID */
export function readName(value: unknown, pointer: string): string {
  if (typeof value !== 'string' || value === '' || value.length > MAX_NAME)
    throw invalid(pointer, 'type', `must be a text of 1 to ${MAX_NAME} characters`);
  refuseNul(value, pointer);
  return value;
}

function readCapability(value: unknown, pointer: string): RequiredCapability {
  if (!isJsonObject(value)) throw invalid(pointer, 'type', 'must be an object of name, type, level');
  const { name, type, level } = value;
  if (type !== undefined && !TYPES.includes(type))
    throw invalid(`${pointer}/type`, 'enum', `must be one of ${TYPES.join(', ')}`);
  if (level !== undefined && !(levels as readonly unknown[]).includes(level))
    throw invalid(`${pointer}/level`, 'enum', `must be one of ${levels.join(', ')}`);
  return {
    name: readName(name, `${pointer}/name`),
    ...(type === undefined ? {} : { type: type as NonNullable<RequiredCapability['type']> }),
    ...(level === undefined ? {} : { level: level as NonNullable<RequiredCapability['level']> }),
  };
}
