import type { Confirm } from '../../../generated/types/confirm.js';
import type { Context } from '../../../generated/types/context.js';
import type { Extension } from '../../../generated/types/extension.js';
import type { Plan } from '../../../generated/types/plan.js';
import type { Role } from '../../../generated/types/role.js';
import type { Trace } from '../../../generated/types/trace.js';
import { dateTimeToUnixNano } from '../date-time.js';
import type { ProtocolType } from '../verbs/protocol-object.js';
import { eachRepeated, type FindingList } from './findings.js';
import { checkPlan } from './plan-rules.js';

/** Checks what a schema cannot say on a document that its schema accepted. */
export function checkModuleRules(type: ProtocolType, document: unknown, findings: FindingList): void {
  switch (type) {
    case 'context':
      return checkContext(document as Context, findings);
    case 'plan':
      return checkPlan(document as Plan, findings);
    case 'confirm':
      return checkConfirm(document as Confirm, findings);
    case 'trace':
      return checkTrace(document as Trace, findings);
    case 'role':
      return checkRole(document as Role, findings);
    case 'extension':
      return checkExtension(document as Extension, findings);
  }
}

function checkContext(context: Context, findings: FindingList): void {
  checkOrder(context.metadata?.created_at, context.metadata?.updated_at, findings, 'created_at', [
    'metadata',
    'updated_at',
  ]);
  if (context.status === 'completed' && context.lifecycle_stage !== 'completion')
    findings.warn(['lifecycle_stage'], 'stage', 'a completed context is in the stage completion');
  const own = context.shared_state.dependencies?.indexOf(context.id) ?? -1;
  if (own >= 0)
    findings.error(
      ['shared_state', 'dependencies', own],
      'selfReference',
      'a context cannot depend on itself',
    );
}

function checkConfirm(confirm: Confirm, findings: FindingList): void {
  const approvers = confirm.approvers ?? [];
  eachRepeated(
    approvers,
    ({ id }) => id,
    (index, id) =>
      findings.error(['approvers', index, 'id'], 'uniqueApprover', `another approver has the id ${id}`),
  );
  const status = confirm.result?.status;
  const isDecided = status === 'approved' || status === 'rejected';
  if (isDecided && approvers.length > 0 && (confirm.result?.decisions ?? []).length === 0)
    findings.warn(['result', 'decisions'], 'decision', `is ${status} without a decision of an approver`);
}

function checkTrace(trace: Trace, findings: FindingList): void {
  checkOrder(trace.timestamp.start, trace.timestamp.end, findings, 'start', ['timestamp', 'end']);
  if (trace.parent_span_id === trace.span_id)
    findings.error(['parent_span_id'], 'selfReference', 'a span cannot be its own parent');
}

function checkRole(role: Role, findings: FindingList): void {
  const own = role.inheritance?.parent_roles?.indexOf(role.id) ?? -1;
  if (own >= 0)
    findings.error(
      ['inheritance', 'parent_roles', own],
      'selfReference',
      'a role cannot inherit from itself',
    );
  eachRepeated(
    role.capabilities,
    ({ name, type }) => `${type} ${name}`,
    (index) =>
      findings.warn(['capabilities', index], 'repeatedCapability', 'the capability is there more than once'),
  );
  role.permissions?.forEach(({ actions }, index) => {
    if (actions.length === 0)
      findings.warn(['permissions', index, 'actions'], 'emptyPermission', 'allows nothing');
  });
}

function checkExtension(extension: Extension, findings: FindingList): void {
  const { entry_point: entry } = extension.implementation;
  if (entry.startsWith('/') || /^[A-Za-z]:/.test(entry) || entry.split(/[/\\]/).includes('..'))
    findings.error(
      ['implementation', 'entry_point'],
      'entryPoint',
      'must be a path inside the extension, without ..',
    );
  if (extension.security?.sandbox_level === 'none')
    findings.warn(['security', 'sandbox_level'], 'sandbox', 'runs with everything the engine may do');
  eachRepeated(
    extension.dependencies ?? [],
    ({ name }) => name,
    (index, name) =>
      findings.error(['dependencies', index, 'name'], 'uniqueDependency', `${name} is there more than once`),
  );
}

function checkOrder(
  earlier: string | undefined,
  later: string | undefined,
  findings: FindingList,
  name: string,
  path: readonly string[],
): void {
  if (earlier === undefined || later === undefined || isPlainlyOrdered(earlier, later)) return;
  const from = dateTimeToUnixNano(earlier);
  const to = dateTimeToUnixNano(later);
  if (from !== undefined && to !== undefined && to < from)
    findings.error(path, 'timeOrder', `is before ${name}`);
}

/** True for two UTC times with as many digits whose texts are in order: most pairs need no arithmetic. */
function isPlainlyOrdered(earlier: string, later: string): boolean {
  return earlier.length === later.length && earlier <= later && earlier.endsWith('Z') && later.endsWith('Z');
}
