import type { Conditions } from './model.js';

/** `open`: it cannot be said, since an attribute is missing or the condition cannot be read. */
export type Truth = 'true' | 'false' | 'open';

export interface ConditionFinding {
  readonly truth: Truth;
  /** The attribute that decided, when it is not `true`. */
  readonly attribute: string | undefined;
}

export type Attributes = Readonly<Record<string, unknown>>;

/**
 * All conditions must hold. `{"environment": "test"}` compares; `["test", "staging"]` is one of; an object holds operators:
 * `eq`, `ne`, `in`, `not_in`, `gt`, `gte`, `lt`, `lte`, `exists`. An attribute that is a list holds what any of its items does.
 */
export function judgeConditions(conditions: Conditions, attributes: Attributes): ConditionFinding {
  let open: string | undefined;
  for (const [attribute, expected] of Object.entries(conditions)) {
    const actual = Object.hasOwn(attributes, attribute) ? attributes[attribute] : undefined;
    const truth = judge(expected, actual);
    if (truth === 'false') return { truth, attribute };
    if (truth === 'open') open ??= attribute;
  }
  return { truth: open === undefined ? 'true' : 'open', attribute: open };
}

/** Whether an object of operators can be read; anything that is no object can. */
export function isReadableCondition(expected: unknown): boolean {
  if (!isOperators(expected)) return true;
  const names = Object.keys(expected);
  return names.length > 0 && names.every((name) => operators.has(name) && isReadable(name, expected[name]));
}

function judge(expected: unknown, actual: unknown): Truth {
  if (!isOperators(expected)) return actual === undefined ? 'open' : truthOf(equalsAny(expected, actual));
  if (!isReadableCondition(expected)) return 'open';
  let all: Truth = 'true';
  for (const [name, operand] of Object.entries(expected)) {
    const truth =
      name === 'exists' ? truthOf((actual !== undefined) === operand) : apply(name, operand, actual);
    if (truth === 'false') return truth;
    if (truth === 'open') all = truth;
  }
  return all;
}

type Operator = (operand: unknown, actual: unknown) => Truth;

const order =
  (holds: (difference: number) => boolean): Operator =>
  (operand, actual) =>
    typeof actual === 'number' && Number.isFinite(actual)
      ? truthOf(holds(actual - (operand as number)))
      : 'open';

const operators: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['eq', (operand, actual) => truthOf(equalsAny(operand, actual))],
  ['ne', (operand, actual) => truthOf(!equalsAny(operand, actual))],
  ['in', (operand, actual) => truthOf(equalsAny(operand, actual))],
  ['not_in', (operand, actual) => truthOf(!equalsAny(operand, actual))],
  ['gt', order((difference) => difference > 0)],
  ['gte', order((difference) => difference >= 0)],
  ['lt', order((difference) => difference < 0)],
  ['lte', order((difference) => difference <= 0)],
  ['exists', () => 'open'],
]);

function isReadable(name: string, operand: unknown): boolean {
  if (name === 'in' || name === 'not_in') return Array.isArray(operand);
  if (name === 'exists') return typeof operand === 'boolean';
  if (name === 'eq' || name === 'ne') return !isOperators(operand);
  return typeof operand === 'number' && Number.isFinite(operand);
}

function apply(name: string, operand: unknown, actual: unknown): Truth {
  return actual === undefined ? 'open' : (operators.get(name)?.(operand, actual) ?? 'open');
}

/** Any of what is expected, if that is a list, equals any of what is there. */
function equalsAny(expected: unknown, actual: unknown): boolean {
  const wanted = Array.isArray(expected) ? (expected as unknown[]) : [expected];
  const there = Array.isArray(actual) ? (actual as unknown[]) : [actual];
  return wanted.some((one) => !isObject(one) && there.includes(one));
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function isOperators(value: unknown): value is Readonly<Record<string, unknown>> {
  return isObject(value) && !Array.isArray(value);
}

function truthOf(value: boolean): Truth {
  return value ? 'true' : 'false';
}
