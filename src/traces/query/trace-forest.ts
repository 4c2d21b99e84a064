/** A span as the tree sees it, in order of start. */
export interface TreeSpan {
  readonly spanId: string;
  /** `undefined` when the client sent none. */
  readonly parentId: string | undefined;
  readonly payloadBytes: number;
}

/** `orphan`: its parent is not stored. `cycle`: it is its own ancestor, and the tree was cut above it. */
export type TreeMark = 'orphan' | 'cycle' | undefined;

/** The spans of a trace in depth-first order. The arrays run in parallel. */
export interface Forest {
  /** Index into the given spans. */
  readonly order: Int32Array;
  /** Depth of the span at the same place of `order`; 0 for roots. */
  readonly depth: Int32Array;
  /** Marks of roots, by index into the given spans. */
  readonly marks: ReadonlyMap<number, TreeMark>;
}

const NONE = -1;
const MISSING = -2;

/**
 * Orders spans as a forest: roots and siblings by start, each span before its children. Every span is in it once, also
 * when parents are missing or point in circles. Iterative, so a chain of 100,000 spans is no problem.
 */
export function buildForest(spans: readonly TreeSpan[]): Forest {
  const parents = findParents(spans);
  const marks = new Map<number, TreeMark>();
  cutCycles(parents, marks);
  const firstChild = new Int32Array(spans.length).fill(NONE);
  const nextSibling = new Int32Array(spans.length).fill(NONE);
  const roots: number[] = [];
  // Backwards, so that the lists of children come out in order of start.
  for (let index = spans.length - 1; index >= 0; index--) {
    const parent = parents[index] as number;
    if (parent < 0) {
      if (parent === MISSING) marks.set(index, 'orphan');
      roots.push(index);
    } else {
      nextSibling[index] = firstChild[parent] as number;
      firstChild[parent] = index;
    }
  }
  const order = new Int32Array(spans.length);
  const depth = new Int32Array(spans.length);
  let place = 0;
  /** Spans still to visit, the next one last. */
  const waiting = roots;
  const waitingDepth = roots.map(() => 0);
  for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
    const at = waitingDepth.pop() ?? 0;
    order[place] = index;
    depth[place] = at;
    place += 1;
    const children: number[] = [];
    for (let child = firstChild[index] as number; child !== NONE; child = nextSibling[child] as number)
      children.push(child);
    for (let i = children.length - 1; i >= 0; i--) {
      waiting.push(children[i] as number);
      waitingDepth.push(at + 1);
    }
  }
  return { order, depth, marks };
}

function findParents(spans: readonly TreeSpan[]): Int32Array {
  const places = new Map<string, number>();
  spans.forEach((span, index) => places.set(span.spanId, index));
  return Int32Array.from(spans, (span) =>
    span.parentId === undefined ? NONE : (places.get(span.parentId) ?? MISSING),
  );
}

/** Makes the earliest span of each circle a root. */
function cutCycles(parents: Int32Array, marks: Map<number, TreeMark>): void {
  /** 0: not seen; otherwise the walk that saw the span first. */
  const walks = new Int32Array(parents.length);
  for (let start = 0; start < parents.length; start++) {
    let at = start;
    while (at >= 0 && walks[at] === 0) {
      walks[at] = start + 1;
      at = parents[at] as number;
    }
    if (at < 0 || walks[at] !== start + 1) continue;
    let earliest = at;
    for (let i = parents[at] as number; i !== at; i = parents[i] as number) earliest = Math.min(earliest, i);
    parents[earliest] = NONE;
    marks.set(earliest, 'cycle');
  }
}
