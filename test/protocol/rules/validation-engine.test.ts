import { afterAll, describe, expect, test } from 'vitest';
import { createProtocolServices, type ProtocolType } from '#dist/protocol/index.js';

const id = (n: number): string => `5f0c9b52-63a1-4f0d-9a3e-${String(n).padStart(12, '0')}`;
const services = createProtocolServices();
afterAll(() => services.close());
const engine = services.validationEngine();
const verdictOn = (type: ProtocolType, document: object): string[] => {
  const { errors, warnings } = services.engine.validate(
    services.engine.parse(JSON.stringify(document), type),
  );
  return [
    ...errors.map(({ pointer, keyword }) => `${pointer} ${keyword}`),
    ...warnings.map(({ keyword }) => `(${keyword})`),
  ];
};
const plan = (edges: [number, number][], tasks = [1, 2, 3]): object => ({
  id: id(0),
  name: 'p',
  tasks: tasks.map((n) => ({ id: id(n), name: 't', type: 'atomic' })),
  dependencies: edges.map(([from, to]) => ({
    from_task: id(from),
    to_task: id(to),
    type: 'finish_to_start',
  })),
});

describe('rules', () => {
  test('of plans', () => {
    expect(
      verdictOn(
        'plan',
        plan([
          [1, 2],
          [2, 3],
        ]),
      ),
    ).toEqual([]);
    expect(
      verdictOn(
        'plan',
        plan([
          [3, 2],
          [2, 1],
        ]),
      ),
    ).toEqual([]);
    expect(
      verdictOn(
        'plan',
        plan([
          [1, 2],
          [2, 3],
          [3, 1],
        ]),
      ),
    ).toEqual(['/dependencies circularDependency']);
    expect(verdictOn('plan', plan([[2, 2]]))).toEqual(['/dependencies circularDependency']);
    expect(
      verdictOn(
        'plan',
        plan([
          [1, 9],
          [1, 2],
          [1, 2],
        ]),
      ),
    ).toEqual(['/dependencies/0/to_task unknownTask', '(repeatedDependency)']);
    expect(verdictOn('plan', plan([], [1, 1]))).toEqual(['/tasks/1/id uniqueTask']);
    expect(verdictOn('plan', plan([], []))).toEqual(['(emptyPlan)']);
  });

  test('name a circle task by task', () => {
    const [error] = services.engine.validate(
      services.engine.parse(
        JSON.stringify(
          plan([
            [1, 2],
            [2, 3],
            [3, 1],
          ]),
        ),
        'plan',
      ),
    ).errors;
    expect(error?.message).toBe(`tasks wait for each other: ${[1, 2, 3, 1].map(id).join(' → ')}`);
  });

  test('of the other types', () => {
    const times = (start: string, end: string): object => ({ created_at: start, updated_at: end });
    const context = {
      id: id(1),
      version: '1.0',
      status: 'completed',
      lifecycle_stage: 'planning',
      shared_state: { dependencies: [id(1)] },
    };
    expect(
      verdictOn('context', {
        ...context,
        metadata: times('2025-01-02T00:00:00+01:00', '2025-01-01T22:59:59Z'),
      }),
    ).toEqual(['/metadata/updated_at timeOrder', '/shared_state/dependencies/0 selfReference', '(stage)']);
    const approver = { id: id(3), type: 'human' };
    const confirm = {
      id: id(1),
      target: { type: 'task', id: id(2) },
      type: 'approval',
      criteria: {},
      approvers: [approver, approver],
    };
    expect(verdictOn('confirm', { ...confirm, result: { status: 'approved' } })).toEqual([
      '/approvers/1/id uniqueApprover',
      '(decision)',
    ]);
    const skill = { name: 'x', type: 'skill', level: 'basic' };
    const role = {
      id: id(1),
      name: 'r',
      version: '1.0',
      capabilities: [skill, skill],
      inheritance: { parent_roles: [id(1)] },
    };
    expect(verdictOn('role', { ...role, permissions: [{ resource: 'a', actions: [] }] })).toEqual([
      '/inheritance/parent_roles/0 selfReference',
      '(repeatedCapability)',
      '(emptyPermission)',
    ]);
    const extension = {
      id: id(1),
      name: 'e',
      version: '1.0',
      type: 'plugin',
      interface: {},
      security: { sandbox_level: 'none' },
    };
    expect(
      verdictOn('extension', {
        ...extension,
        implementation: { runtime: 'nodejs', entry_point: 'a/../../b' },
      }),
    ).toEqual(['/implementation/entry_point entryPoint', '(sandbox)']);
  });
});

describe('ValidationEngine', () => {
  test('finds one circle a group of waiting tasks, in linear time', () => {
    const tasks = [
      { task_id: 'a', dependencies: ['b'] },
      { task_id: 'b', dependencies: ['c', 'a'] },
      { task_id: 'c', dependencies: ['b', 'nobody'] },
      { id: 'd', dependencies: ['d'] },
      { id: 'e', dependencies: ['a'] },
    ];
    expect(engine.detectCircularDependencies(tasks)).toEqual([{ tasks: ['a', 'b'] }, { tasks: ['d'] }]);
    const many = Array.from({ length: 50_000 }, (_, n) => ({
      id: String(n),
      dependencies: [String((n + 1) % 50_000)],
    }));
    expect(engine.detectCircularDependencies(many)[0]?.tasks).toHaveLength(50_000);
  });

  test('looks at workflows of either version, and at any shape', () => {
    expect(
      engine.validateDependencies({ tasks: [{ task_id: 'a', dependencies: ['a'] }], plan_id: 'p' }).errors,
    ).toMatchObject([{ keyword: 'circularDependency' }]);
    expect(
      engine.validateDependencies({ tasks: [{}], dependencies: [3] }).errors.map(({ pointer }) => pointer),
    ).toEqual(['/tasks/0/id', '/dependencies/0']);
  });

  test('judges by a schema that it does not register', async () => {
    const schema = { $id: 'https://example.com/x', type: 'object', required: ['a'] };
    expect(await engine.validateSchema({}, schema)).toMatchObject({
      valid: false,
      errors: [{ pointer: '/a', keyword: 'required' }],
    });
    expect(await services.schemaValidator().listSchemas()).not.toContain('https://example.com/x');
  });
});
