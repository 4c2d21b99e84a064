/** The schemas against the lists of the protocol document: fields, enums, required members, one by one. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  baseTypeValidators,
  validateConfirm,
  validateContext,
  validateExtension,
  validatePlan,
  validateRole,
  validateTrace,
} from '#dist/protocol/index.js';

interface Schema {
  $id: string;
  $schema: string;
  type?: string;
  $ref?: string;
  enum?: string[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  definitions?: Record<string, Schema>;
}

const names = ['base-types', 'context', 'plan', 'confirm', 'trace', 'role', 'extension'] as const;
const load = (name: string): Schema =>
  JSON.parse(readFileSync(new URL(`../../schemas/${name}.json`, import.meta.url), 'utf8')) as Schema;

/** `path!: type (enum)` of every property, where `!` marks a required one. */
function outline(schema: Schema, path = ''): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const at = `${path}${name}`;
    const isRequired = schema.required?.includes(name) === true;
    const type = property.$ref?.replace('base-types.json#/definitions/', '') ?? property.type;
    const values = property.enum === undefined ? '' : ` (${property.enum.join(' ')})`;
    const item = property.items;
    const itemType =
      item === undefined ? '' : ` of ${item.$ref?.replace('base-types.json#/definitions/', '') ?? item.type}`;
    return [
      `${at}${isRequired ? '!' : ''}: ${type}${itemType}${values}`,
      ...outline(property, `${at}.`),
      ...(item === undefined ? [] : outline(item, `${at}[].`)),
    ];
  });
}

const outlines: Record<Exclude<(typeof names)[number], 'base-types'>, string> = {
  context: `
    id!: uuid
    version!: version
    status!: string (active suspended completed failed)
    lifecycle_stage!: string (planning execution validation completion)
    shared_state!: object
    shared_state.variables: object
    shared_state.resources: object
    shared_state.dependencies: array of string
    access_control: object
    access_control.permissions: array
    access_control.roles: array
    access_control.policies: array
    metadata: object
    metadata.created_at: timestamp
    metadata.updated_at: timestamp
    metadata.created_by: string
    metadata.tags: array of string
    global_state: object
    global_state.project_id: string
    global_state.session_id: string
    global_state.environment: string (development staging production)
    shared_data: object
    shared_data.variables: object
    shared_data.artifacts: array
    shared_data.knowledge_base: array`,
  plan: `
    id!: uuid
    name!: string
    description: string
    tasks!: array of object
    tasks[].id!: uuid
    tasks[].name!: string
    tasks[].type!: string (atomic composite)
    tasks[].priority: priority
    tasks[].estimated_duration: string
    tasks[].resources_required: array
    tasks[].description: string
    tasks[].category: string (development testing documentation review)
    tasks[].assigned_agent: string
    tasks[].resources: object
    tasks[].resources.cpu: string
    tasks[].resources.memory: string
    tasks[].resources.tools: array of string
    tasks[].ai_ide_config: object
    tasks[].ai_ide_config.workspace: string
    tasks[].ai_ide_config.environment: string
    tasks[].ai_ide_config.required_plugins: array of string
    dependencies: array of object
    dependencies[].from_task!: uuid
    dependencies[].to_task!: uuid
    dependencies[].type!: string (finish_to_start start_to_start finish_to_finish)
    workflow: object
    workflow.execution_strategy: string (sequential parallel conditional)
    workflow.error_handling: object
    workflow.rollback_strategy: object
    validation: object
    validation.constraints: array
    validation.success_criteria: array
    validation.quality_gates: array
    objectives: array
    timeline: object
    resources: object`,
  confirm: `
    id!: uuid
    target!: object
    target.type!: string (task plan resource decision)
    target.id!: uuid
    target.description: string
    type!: string (approval validation verification authorization)
    criteria!: object
    criteria.rules: array
    criteria.thresholds: object
    criteria.requirements: array
    approvers: array of object
    approvers[].id!: uuid
    approvers[].type!: string (agent human system)
    approvers[].role: string
    approvers[].required: boolean
    result: object
    result.status: string (pending approved rejected expired)
    result.decisions: array
    result.comments: array
    result.timestamp: timestamp
    result.signature: string`,
  trace: `
    id!: uuid
    trace_id!: uuid
    span_id!: uuid
    parent_span_id: uuid
    context_id!: uuid
    agent_id!: uuid
    action!: object
    action.name!: string
    action.type!: string (execute invoke validate complete)
    action.parameters: object
    action.duration: string
    timestamp!: object
    timestamp.start!: timestamp
    timestamp.end: timestamp
    result: object
    result.status: string (success failure timeout cancelled)
    result.output: object
    result.error: object
    result.metrics: object
    metadata: object
    metadata.tags: object
    metadata.annotations: array
    metadata.correlation_id: uuid`,
  role: `
    id!: uuid
    name!: string
    description: string
    version!: version
    capabilities!: array of object
    capabilities[].name!: string
    capabilities[].type!: string (skill permission resource)
    capabilities[].level!: string (basic intermediate advanced expert)
    capabilities[].parameters: object
    permissions: array of object
    permissions[].resource!: string
    permissions[].actions!: array of string
    permissions[].conditions: object
    constraints: object
    constraints.time_limits: object
    constraints.resource_limits: object
    constraints.operational_limits: object
    inheritance: object
    inheritance.parent_roles: array of uuid
    inheritance.inherited_capabilities: array
    inheritance.overrides: array
    metadata: object
    metadata.created_at: timestamp
    metadata.updated_at: timestamp
    metadata.certification_level: string`,
  extension: `
    id!: uuid
    name!: string
    version!: version
    type!: string (plugin adapter hook capability policy audit)
    interface!: object
    interface.input_schema: object
    interface.output_schema: object
    interface.methods: array of string
    interface.events: array of string
    implementation!: object
    implementation.runtime!: string (nodejs python go java)
    implementation.entry_point!: string
    implementation.configuration: object
    implementation.resources: object
    dependencies: array of object
    dependencies[].name!: string
    dependencies[].version!: string
    dependencies[].type!: string (required optional)
    security: object
    security.permissions: array
    security.sandbox_level: string (none basic strict)
    security.signature: string
    metadata: object
    metadata.author: string
    metadata.description: string
    metadata.tags: array of string
    metadata.license: string
    metadata.documentation_url: string`,
};

describe('schemas', () => {
  test.each(names)('%s names itself and its dialect', (name) => {
    const schema = load(name);
    expect(schema.$id).toBe(`https://mplp.dev/schemas/v1.0/${name}.json`);
    expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema');
  });

  test.each(Object.entries(outlines))('%s has the fields of the protocol document', (name, expected) => {
    const lines = expected
      .trim()
      .split('\n')
      .map((line) => line.trim());
    expect(outline(load(name))).toEqual(lines);
  });

  test('the shared types', () => {
    expect(load('base-types').definitions).toEqual({
      uuid: { type: 'string', pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' },
      timestamp: { type: 'string', format: 'date-time' },
      version: { type: 'string', pattern: '^\\d+\\.\\d+(\\.\\d+)?$' },
      priority: { type: 'string', enum: ['high', 'medium', 'low'] },
      status: { type: 'string', enum: ['pending', 'running', 'completed', 'failed', 'cancelled'] },
    });
  });
});

const id = '5f0c9b52-63a1-4f0d-9a3e-2b7c1d4e8f60';
const documents = {
  context: [
    validateContext,
    { id, version: '1.0', status: 'active', lifecycle_stage: 'planning', shared_state: {} },
  ],
  plan: [validatePlan, { id, name: 'p', tasks: [{ id, name: 't', type: 'atomic' }] }],
  confirm: [validateConfirm, { id, target: { type: 'task', id }, type: 'approval', criteria: {} }],
  trace: [
    validateTrace,
    {
      id,
      trace_id: id,
      span_id: id,
      context_id: id,
      agent_id: id,
      action: { name: 'n', type: 'execute' },
      timestamp: { start: '2026-01-01T00:00:00Z' },
    },
  ],
  role: [validateRole, { id, name: 'r', version: '1.0.0', capabilities: [] }],
  extension: [
    validateExtension,
    {
      id,
      name: 'e',
      version: '1.0',
      type: 'plugin',
      interface: {},
      implementation: { runtime: 'nodejs', entry_point: 'i.js' },
    },
  ],
} as const;

describe('validators', () => {
  test.each(Object.entries(documents))(
    '%s takes the least document, also with unknown properties',
    (_name, [validate, document]) => {
      expect(validate(document), JSON.stringify(validate.errors)).toBe(true);
      expect(validate({ ...document, x_vendor: { any: 1 } })).toBe(true);
    },
  );

  test.each(Object.entries(documents))(
    '%s needs each of its required members',
    (_name, [validate, document]) => {
      for (const key of Object.keys(document)) {
        expect(validate({ ...document, [key]: undefined }), key).toBe(false);
        expect(validate.errors).toMatchObject([{ keyword: 'required', params: { missingProperty: key } }]);
      }
    },
  );

  test('a million wrong items give a bounded list of faults', () => {
    const tasks = Array.from({ length: 1_000_000 }, () => 1);
    expect(validatePlan({ id, name: 'p', tasks })).toBe(false);
    expect(validatePlan.errors?.length).toBe(100);
  });

  test('the shared types have validators of their own', () => {
    expect(Object.keys(baseTypeValidators).sort()).toEqual([
      'priority',
      'status',
      'timestamp',
      'uuid',
      'version',
    ]);
    expect(baseTypeValidators.uuid(id)).toBe(true);
    expect(baseTypeValidators.uuid(id.toUpperCase())).toBe(false);
    expect(baseTypeValidators.timestamp('2026-01-01')).toBe(false);
  });
});
