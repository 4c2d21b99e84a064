import fc from 'fast-check';

/** JSON values as documents hold them; no `__proto__` keys, no negative zero, which JSON text does not keep. */
export const jsonValue = fc
  .jsonValue({ maxDepth: 2 })
  .map((value) => JSON.parse(JSON.stringify(value, dropProto)) as unknown);

function dropProto(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([key]) => key !== '__proto__'));
}

export const uuid = fc.uuid();
const word = fc.string({ maxLength: 8 });
const tags = fc.array(word, { maxLength: 3 });
/** A member that neither version knows. */
const extra = fc.record({ x_note: jsonValue }, { requiredKeys: [] });

const withExtra = <T extends object>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<Record<string, unknown>> =>
  fc.tuple(arbitrary, extra).map(([document, more]) => ({ ...document, ...more }));

export const draftContext = withExtra(
  fc.record({
    context_id: uuid,
    version: fc.constantFrom('1.0', '0.9.1'),
    timestamp: fc.constant('2025-01-27T18:40:32.123Z'),
    global_state: fc.record({
      project_id: word,
      session_id: word,
      environment: fc.constantFrom('development', 'production'),
    }),
    shared_data: fc.record({
      variables: fc.dictionary(fc.constantFrom('a', 'b'), jsonValue),
      artifacts: fc.array(jsonValue),
      knowledge_base: fc.array(jsonValue),
    }),
    metadata: fc.record({ created_by: word, last_updated: fc.constant('2025-01-28T00:00:00Z'), tags }),
  }),
);

export const currentContext = withExtra(
  fc.record(
    {
      id: uuid,
      version: fc.constantFrom('1.0', '1.0.2'),
      status: fc.constantFrom('active', 'suspended', 'completed'),
      lifecycle_stage: fc.constantFrom('planning', 'execution', 'completion'),
      shared_state: fc.record(
        {
          variables: fc.dictionary(
            word.filter((key) => key !== '__proto__'),
            jsonValue,
          ),
          dependencies: fc.array(uuid),
        },
        { requiredKeys: [] },
      ),
      metadata: fc.record(
        { updated_at: fc.constant('2025-01-28T00:00:00Z'), created_by: word, tags },
        { requiredKeys: [] },
      ),
      shared_data: fc.record({ artifacts: fc.array(jsonValue) }, { requiredKeys: [] }),
    },
    { requiredKeys: ['id', 'version', 'status', 'lifecycle_stage', 'shared_state'] },
  ),
);

const kinds = fc.constantFrom('development', 'testing', 'documentation', 'review');
const ids = fc.uniqueArray(uuid, { minLength: 1, maxLength: 5 });

export const draftPlan = ids.chain((taskIds) =>
  withExtra(
    fc.record({
      plan_id: uuid,
      version: fc.constant('1.0'),
      title: word,
      description: word,
      objectives: fc.array(jsonValue),
      tasks: fc.tuple(
        ...taskIds.map((task_id) =>
          withExtra(
            fc.record({
              task_id: fc.constant(task_id),
              name: word,
              type: kinds,
              assigned_agent: word,
              dependencies: fc.subarray(taskIds.filter((other) => other !== task_id)),
              estimated_duration: fc.nat(),
              priority: fc.constantFrom('high', 'low'),
            }),
          ),
        ),
      ),
      timeline: fc.constant({}),
      dependencies: fc.constantFrom<unknown>([], { nodes: [], edges: [] }),
      resources: fc.constant({}),
    }),
  ),
);

export const currentPlan = ids.chain((taskIds) =>
  withExtra(
    fc.record(
      {
        id: uuid,
        name: word,
        tasks: fc.tuple(
          ...taskIds.map((id) =>
            withExtra(
              fc.record(
                {
                  id: fc.constant(id),
                  name: word,
                  type: fc.constantFrom('atomic', 'composite'),
                  category: kinds,
                  estimated_duration: fc.oneof(fc.constantFrom('2d', '1e3', '007', ''), fc.nat().map(String)),
                },
                { requiredKeys: ['id', 'name', 'type'] },
              ),
            ),
          ),
        ),
        dependencies: fc.uniqueArray(
          fc.record({
            from_task: fc.constantFrom(...taskIds),
            to_task: fc.constantFrom(...taskIds),
            type: fc.constantFrom('finish_to_start', 'start_to_start'),
          }),
          { maxLength: 5, selector: (edge) => JSON.stringify(edge) },
        ),
        workflow: fc.record({ execution_strategy: fc.constantFrom('sequential', 'parallel') }),
      },
      { requiredKeys: ['id', 'name', 'tasks'] },
    ),
  ),
);

/** The document with a plan's edges in an order of their own: they are a set. */
export function withSortedEdges(document: unknown): unknown {
  const { dependencies } = document as { dependencies?: unknown };
  if (!Array.isArray(dependencies)) return document;
  return { ...(document as object), dependencies: dependencies.map((edge) => JSON.stringify(edge)).sort() };
}
