import type { Span } from '../client/index.js';
import { elapsedMs } from './span-times.js';

export interface SpanNode {
  readonly span: Span;
  readonly children: SpanNode[];
  /** True when the span names a parent that is not there, or lies on a circle of parents that was cut at this span. */
  readonly isOrphan: boolean;
}

/** Nests spans under their parents, siblings by start. Every span is in the result exactly once. */
export function buildSpanTree(spans: readonly Span[]): SpanNode[] {
  const byId = new Map(spans.map((span) => [span.span_id, span]));
  const childrenOf = new Map<string, Span[]>();
  const roots: Span[] = [];
  for (const span of [...spans].sort((a, b) => elapsedMs(b.timestamp.start, a.timestamp.start))) {
    const parent = span.parent_span_id;
    const siblings = parent === undefined ? undefined : childrenOf.get(parent);
    if (parent === undefined || !byId.has(parent)) roots.push(span);
    else if (siblings === undefined) childrenOf.set(parent, [span]);
    else siblings.push(span);
  }

  const placed = new Set<string>();
  const place = (span: Span, isOrphan: boolean): SpanNode => {
    const top: SpanNode = { span, children: [], isOrphan };
    placed.add(span.span_id);
    // A list instead of recursion: a trace can be as deep as it has spans.
    const open = [top];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      for (const child of childrenOf.get(node.span.span_id) ?? []) {
        if (placed.has(child.span_id)) continue;
        placed.add(child.span_id);
        const below: SpanNode = { span: child, children: [], isOrphan: false };
        node.children.push(below);
        open.push(below);
      }
    }
    return top;
  };
  const tree = roots.map((span) => place(span, span.parent_span_id !== undefined));
  for (const span of spans) if (!placed.has(span.span_id)) tree.push(place(span, true));
  return tree;
}
