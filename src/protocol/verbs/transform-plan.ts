import { renamed, without } from './members.js';
import { isJsonObject, type JsonObject } from './protocol-object.js';

/** The kinds of work that the draft has as a task's `type`; 1.0 has them as `category`. */
const CATEGORIES: ReadonlySet<unknown> = new Set(['development', 'testing', 'documentation', 'review']);
/** Where a draft keeps a structure that is not `atomic`: its `type` is taken by the kind of work. */
const STRUCTURE = 'task_structure';
/** Where 1.0 keeps a draft's `dependencies` that is not a list of edges. */
const GRAPH = 'dependency_graph';
const EDGE_KIND = 'finish_to_start';

/**
 * `plan_id` becomes `id`, `title` becomes `name`; in tasks `task_id` becomes `id`, the kind of work in `type` becomes
 * `category`, a number in `estimated_duration` becomes its text, and the ids in `dependencies` become the plan's edges.
 */
export function planToCurrent(draft: JsonObject): JsonObject {
  let plan = renamed(renamed(draft, 'plan_id', 'id'), 'title', 'name');
  const edges: JsonObject[] = [];
  if (Array.isArray(plan['tasks'])) {
    const tasks = plan['tasks'].map((task) => (isJsonObject(task) ? taskToCurrent(task, edges) : task));
    plan = { ...plan, tasks };
  }
  const { dependencies } = plan;
  if (isJsonObject(dependencies)) plan = renamed(plan, 'dependencies', GRAPH);
  const own = Array.isArray(dependencies) ? dependencies : [];
  if (edges.length === 0 && !Array.isArray(dependencies)) return plan;
  return { ...plan, dependencies: [...own, ...edges] };
}

function taskToCurrent(draft: JsonObject, edges: JsonObject[]): JsonObject {
  let task = renamed(draft, 'task_id', 'id');
  const { id, dependencies, estimated_duration: duration } = task;
  if (CATEGORIES.has(task['type'])) {
    const structure = task[STRUCTURE] ?? 'atomic';
    task = { ...without(renamed(task, 'type', 'category'), STRUCTURE), type: structure };
  }
  if (typeof duration === 'number') task = { ...task, estimated_duration: String(duration) };
  if (Array.isArray(dependencies) && dependencies.every((from) => typeof from === 'string')) {
    for (const from of dependencies) edges.push({ from_task: from, to_task: id, type: EDGE_KIND });
    task = without(task, 'dependencies');
  }
  return task;
}

/** Edges that are no plain `finish_to_start`, and those to unknown tasks, stay with the plan. */
export function planToDraft(current: JsonObject): JsonObject {
  let plan = renamed(renamed(current, 'id', 'plan_id'), 'name', 'title');
  const { tasks, dependencies } = plan;
  if (!Array.isArray(tasks)) return plan;
  const waitsFor = new Map<unknown, unknown[]>();
  for (const task of tasks)
    if (isJsonObject(task) && typeof task['id'] === 'string' && !Object.hasOwn(task, 'dependencies'))
      waitsFor.set(task['id'], []);
  const rest: unknown[] = [];
  for (const edge of Array.isArray(dependencies) ? dependencies : []) {
    const list = isPlainEdge(edge) ? waitsFor.get(edge['to_task']) : undefined;
    if (list === undefined) rest.push(edge);
    else list.push((edge as JsonObject)['from_task']);
  }
  plan = { ...plan, tasks: tasks.map((task) => (isJsonObject(task) ? taskToDraft(task, waitsFor) : task)) };
  if (rest.length === 0 && Object.hasOwn(plan, GRAPH))
    return renamed(without(plan, 'dependencies'), GRAPH, 'dependencies');
  return Array.isArray(dependencies) ? { ...plan, dependencies: rest } : plan;
}

function isPlainEdge(edge: unknown): edge is JsonObject {
  return (
    isJsonObject(edge) &&
    edge['type'] === EDGE_KIND &&
    typeof edge['from_task'] === 'string' &&
    Object.keys(edge).length === 3
  );
}

function taskToDraft(current: JsonObject, waitsFor: Map<unknown, unknown[]>): JsonObject {
  let task = current;
  const { id, category, type, estimated_duration: duration } = task;
  if (CATEGORIES.has(category)) {
    task = renamed(without(task, 'type'), 'category', 'type');
    if (type !== 'atomic' && type !== undefined) task = { ...task, [STRUCTURE]: type };
  }
  if (typeof duration === 'string' && String(Number(duration)) === duration)
    task = { ...task, estimated_duration: Number(duration) };
  const list = waitsFor.get(id);
  if (list !== undefined) {
    task = { ...task, dependencies: list };
    // Two tasks with one id: the edges are said once.
    waitsFor.delete(id);
  }
  return renamed(task, 'id', 'task_id');
}
