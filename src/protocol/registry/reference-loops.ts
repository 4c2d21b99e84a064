import { quote, type FaultList } from '../faults.js';
import { limits } from './limits.js';
import { resolveAddress, type SchemaIndex } from './schema-index.js';
import { inPlace, isSchemaNode, references, type SchemaNode } from './schema-keywords.js';

interface Step {
  readonly node: SchemaNode;
  /** What its references are relative to. */
  readonly base: string;
  readonly reference?: string;
}

/**
 * Finds schemas that apply themselves to the same value again (`{"$ref": "#"}`, two definitions that name each other
 * under `allOf`): no document can ever be judged by them. A schema that names itself for a part of the value, as trees
 * do, is fine. Chains of more than `limits.maxApplied` schemas are refused too: judging takes a call for each. Without
 * recursion; each schema is looked at once.
 */
export function addLoopFaults(indexes: readonly SchemaIndex[], faults: FaultList): void {
  const bases = new Map(indexes.flatMap((index) => [...index.bases]));
  const targets = new Map(indexes.flatMap((index) => [...index.targets]));
  /** Longest chain below each schema. */
  const heights = new Map<SchemaNode, number>();
  const open = new Set<SchemaNode>();
  for (const [start, base] of bases) {
    if (heights.has(start)) continue;
    const enter = (step: Step): { step: Step; next: Step[]; at: number; height: number } => {
      open.add(step.node);
      return { step, next: nextOf(step, bases, targets), at: 0, height: 0 };
    };
    const calls = [enter({ node: start, base })];
    for (let call = calls[calls.length - 1]; call !== undefined; call = calls[calls.length - 1]) {
      const step = call.next[call.at];
      const height = step === undefined ? undefined : heights.get(step.node);
      if (step === undefined) {
        open.delete(call.step.node);
        heights.set(call.step.node, call.height);
        if (call.height > limits.maxApplied) {
          const message = `more than ${limits.maxApplied} schemas apply to one value, one inside the other`;
          faults.add('', 'maxApplied', `${message}, in ${call.step.base}`);
          return;
        }
        calls.pop();
      } else if (open.has(step.node)) {
        const through = step.reference === undefined ? '' : ` through ${step.reference}`;
        faults.add(
          '',
          'refLoop',
          `a schema in ${call.step.base} applies itself to the same value again${through}`,
        );
        return;
      } else if (height === undefined) {
        calls.push(enter(step));
      } else {
        call.height = Math.max(call.height, height + 1);
        call.at += 1;
      }
    }
  }
}

/** The schemas that apply to the same value as this one. */
function nextOf(
  { node, base }: Step,
  bases: ReadonlyMap<SchemaNode, string>,
  targets: ReadonlyMap<string, SchemaNode>,
): Step[] {
  const next: Step[] = [];
  for (const name of references) {
    const reference = node[name];
    if (typeof reference !== 'string') continue;
    const target = findTarget(base, reference, targets);
    if (target === undefined) continue;
    const { document } = resolveAddress(base, reference);
    next.push({ node: target, base: bases.get(target) ?? document, reference: quote(reference) });
  }
  const inner: unknown[] = inPlace.one.map((name) => node[name]);
  for (const name of inPlace.list) if (Array.isArray(node[name])) inner.push(...(node[name] as unknown[]));
  for (const name of inPlace.map) if (isSchemaNode(node[name])) inner.push(...Object.values(node[name]));
  return [
    ...next,
    ...inner.filter(isSchemaNode).map((found) => ({ node: found, base: bases.get(found) ?? base })),
  ];
}

/** `undefined` where a reference leads out of what is known: the compiler says so, or it is a dialect's own schema. */
function findTarget(
  base: string,
  reference: string,
  targets: ReadonlyMap<string, SchemaNode>,
): SchemaNode | undefined {
  const { document, fragment } = resolveAddress(base, reference);
  if (fragment !== '' && !fragment.startsWith('/')) return targets.get(`${document}#${fragment}`);
  let value: unknown = targets.get(document);
  for (const token of fragment.split('/').slice(1)) {
    const key = decode(token);
    value = isSchemaNode(value) || Array.isArray(value) ? (value as SchemaNode)[key] : undefined;
  }
  return isSchemaNode(value) ? value : undefined;
}

function decode(token: string): string {
  try {
    return decodeURIComponent(token).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch {
    return token;
  }
}
