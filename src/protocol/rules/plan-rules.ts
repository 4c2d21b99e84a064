import type { Plan } from '../../../generated/types/plan.js';
import { quote } from '../faults.js';
import { findCircles } from './cycles.js';
import { eachRepeated, type FindingList } from './findings.js';

/** Ids of a circle that are named; a longer one is shortened in the middle. */
const MAX_NAMED_TASKS = 12;

/** The tasks and edges of a plan, as far as dependencies are concerned. */
export type Workflow = Pick<Plan, 'dependencies'> & { readonly tasks: readonly { readonly id: string }[] };

export function checkPlan(plan: Plan, findings: FindingList): void {
  if (plan.tasks.length === 0)
    findings.warn(['tasks'], 'emptyPlan', 'holds no task: nothing can be executed');
  checkDependencies(plan, findings);
}

/** Repeated task ids, edges to tasks that are not there, edges to themselves, repeated edges, circles. */
export function checkDependencies(workflow: Workflow, findings: FindingList): void {
  const places = new Map<string, number>();
  workflow.tasks.forEach(({ id }, index) => {
    if (places.has(id))
      findings.error(['tasks', index, 'id'], 'uniqueTask', `another task has the id ${quote(id)}`);
    else places.set(id, index);
  });
  const edges = workflow.dependencies;
  if (edges === undefined || edges.length === 0) return;
  // Most plans list their tasks in the order of the work: where all edges point on, there is no circle.
  let pointsBack = false;
  edges.forEach((edge, index) => {
    for (const name of ['from_task', 'to_task'] as const)
      if (!places.has(edge[name]))
        findings.error(
          ['dependencies', index, name],
          'unknownTask',
          `no task of the plan has the id ${quote(edge[name])}`,
        );
    pointsBack ||= (places.get(edge.from_task) ?? -1) >= (places.get(edge.to_task) ?? Infinity);
  });
  eachRepeated(
    edges,
    ({ from_task: from, to_task: to, type }) => `${from} ${to} ${type}`,
    (index) => findings.warn(['dependencies', index], 'repeatedDependency', 'is there more than once'),
  );
  if (!pointsBack) return;
  const circles = findCircles(
    [...places.keys()],
    edges.map(({ from_task: from, to_task: to }) => [from, to] as const),
  );
  for (const { tasks } of circles)
    findings.error(['dependencies'], 'circularDependency', describeCircle(tasks));
}

function describeCircle(tasks: readonly string[]): string {
  const [first = ''] = tasks;
  if (tasks.length === 1) return `the task ${first} waits for itself`;
  const left = tasks.length - MAX_NAMED_TASKS;
  const named =
    left > 0 ? [...tasks.slice(0, MAX_NAMED_TASKS - 1), `(${left} more)`, ...tasks.slice(-1)] : [...tasks];
  return `tasks wait for each other: ${[...named, first].join(' → ')}`;
}
