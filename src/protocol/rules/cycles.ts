/** Tasks that wait for each other. */
export interface CircularDependency {
  /** Ids along the circle; each is waited for by the next, and the last by the first. */
  readonly tasks: readonly string[];
}

/**
 * One circle out of each group of tasks that wait for each other, in the order of the tasks. Edges with an end that
 * is no task are left out. Time and memory are linear in tasks and edges, without recursion: graphs come from outside.
 *
 * @param edges `[from, to]`: `to` waits for `from`
 */
export function findCircles(
  ids: readonly string[],
  edges: readonly (readonly [from: string, to: string])[],
): CircularDependency[] {
  const next = new Map<string, string[]>(ids.map((id) => [id, []]));
  for (const [from, to] of edges) if (next.has(to)) next.get(from)?.push(to);
  const circles: CircularDependency[] = [];
  for (const group of findGroups(next)) {
    const [first = ''] = group;
    if (group.size > 1 || (next.get(first) ?? []).includes(first))
      circles.push({ tasks: shortestCircle(first, group, next) });
  }
  const order = new Map(ids.map((id, index) => [id, index]));
  return circles.sort((a, b) => (order.get(a.tasks[0] ?? '') ?? 0) - (order.get(b.tasks[0] ?? '') ?? 0));
}

/** Strongly connected components (Tarjan, 1972), each with its earliest task first. */
function findGroups(next: ReadonlyMap<string, readonly string[]>): Set<string>[] {
  const groups: Set<string>[] = [];
  const found = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open = new Set<string>();
  const stack: string[] = [];
  for (const root of next.keys()) {
    if (found.has(root)) continue;
    const calls: { id: string; at: number }[] = [];
    const enter = (id: string): void => {
      found.set(id, found.size);
      lowest.set(id, found.size - 1);
      stack.push(id);
      open.add(id);
      calls.push({ id, at: 0 });
    };
    enter(root);
    for (let call = calls[calls.length - 1]; call !== undefined; call = calls[calls.length - 1]) {
      const { id } = call;
      const target = next.get(id)?.[call.at];
      call.at += 1;
      if (target !== undefined) {
        if (!found.has(target)) enter(target);
        else if (open.has(target)) lower(lowest, id, found.get(target) ?? 0);
        continue;
      }
      calls.pop();
      const caller = calls[calls.length - 1];
      if (caller !== undefined) lower(lowest, caller.id, lowest.get(id) ?? 0);
      if (lowest.get(id) !== found.get(id)) continue;
      const members = stack.splice(stack.lastIndexOf(id));
      for (const member of members) open.delete(member);
      groups.push(new Set(members));
    }
  }
  return groups;
}

function lower(lowest: Map<string, number>, id: string, value: number): void {
  if (value < (lowest.get(id) ?? value)) lowest.set(id, value);
}

/** Breadth first from a task back to itself, inside its group. */
function shortestCircle(
  start: string,
  group: ReadonlySet<string>,
  next: ReadonlyMap<string, readonly string[]>,
): string[] {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (const id of queue) {
    for (const target of next.get(id) ?? []) {
      if (target === start) {
        const circle = [id];
        for (let at = id; at !== start;) {
          at = cameFrom.get(at) ?? start;
          circle.push(at);
        }
        return circle.reverse();
      }
      if (!group.has(target) || cameFrom.has(target)) continue;
      cameFrom.set(target, id);
      queue.push(target);
    }
  }
  return [start];
}
