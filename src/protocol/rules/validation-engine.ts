import { moduleSchemaId } from '../module-schemas.js';
import type { JSONSchema } from '../registry/schema-validator.js';
import type { SchemaRegistry } from '../registry/schema-registry.js';
import type { ValidationResult } from '../validation-result.js';
import { isJsonObject, toProtocolObject, type ProtocolObject } from '../verbs/protocol-object.js';
import { transformObject } from '../verbs/transform.js';
import { MAX_REPORTED_FAULTS, validateObject } from '../verbs/validate.js';
import { findCircles, type CircularDependency } from './cycles.js';
import { FindingList } from './findings.js';
import { checkDependencies, type Workflow } from './plan-rules.js';

/** A plan, or the part of it that says what waits for what, in either version. */
export interface WorkflowProtocol {
  readonly tasks: readonly object[];
  readonly dependencies?: unknown;
  readonly [name: string]: unknown;
}

/** A task that names those it waits for (0.9), by `task_id` or `id`. */
export interface TaskProtocol {
  readonly task_id?: string;
  readonly id?: string;
  readonly dependencies?: readonly string[];
  readonly [name: string]: unknown;
}

export interface ValidationEngine {
  /** By a schema that need not be registered; its `$ref`s may name registered ones. @throws MplpError as the registry */
  validateSchema(data: unknown, schema: JSONSchema): Promise<ValidationResult>;
  /** Rules can only be judged on what the schema accepts: where it does not, its faults are the result. */
  validateBusinessRules(protocol: ProtocolObject): ValidationResult;
  /** Repeated tasks, edges to unknown tasks, tasks that wait for each other. */
  validateDependencies(workflow: WorkflowProtocol): ValidationResult;
  /** One circle out of each group of tasks that wait for each other, task by task. */
  detectCircularDependencies(tasks: readonly TaskProtocol[]): CircularDependency[];
}

export function createValidationEngine(registry: SchemaRegistry, projectId: string): ValidationEngine {
  return {
    validateSchema: (data, schema) => registry.validateBy(projectId, data, schema),
    validateBusinessRules: validateObject,
    validateDependencies,
    detectCircularDependencies(tasks) {
      const named = tasks.map((task) => ({
        id: task.id ?? task.task_id ?? '',
        waitsFor: task.dependencies ?? [],
      }));
      return findCircles(
        named.map(({ id }) => id),
        named.flatMap(({ id, waitsFor }) => waitsFor.map((from) => [from, id] as const)),
      );
    },
  };
}

function validateDependencies(workflow: WorkflowProtocol): ValidationResult {
  const start = performance.now();
  const findings = new FindingList(MAX_REPORTED_FAULTS);
  const { document } = transformObject(toProtocolObject('plan', workflow, ''), '1.0');
  if (checkShape(document, findings)) checkDependencies(document, findings);
  return {
    valid: findings.errors.length === 0,
    errors: findings.errors,
    warnings: findings.warnings,
    metadata: {
      schemaId: moduleSchemaId('plan'),
      validationTime: performance.now() - start,
      dataSize: Buffer.byteLength(JSON.stringify(workflow)),
    },
  };
}

function checkShape(document: unknown, findings: FindingList): document is Workflow {
  const { tasks, dependencies = [] } = document as { tasks?: unknown; dependencies?: unknown };
  if (!Array.isArray(tasks)) findings.error(['tasks'], 'type', 'must be an array');
  else
    tasks.forEach((task, index) => {
      if (!isJsonObject(task) || typeof task['id'] !== 'string')
        findings.error(['tasks', index, 'id'], 'type', 'must be a string');
    });
  if (!Array.isArray(dependencies)) findings.error(['dependencies'], 'type', 'must be an array');
  else
    dependencies.forEach((edge, index) => {
      if (!isJsonObject(edge) || typeof edge['from_task'] !== 'string' || typeof edge['to_task'] !== 'string')
        findings.error(['dependencies', index], 'type', 'must name from_task and to_task');
    });
  return findings.errors.length === 0;
}
