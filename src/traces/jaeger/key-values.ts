/** A tag as Jaeger's JSON has it. `int64` beyond what JavaScript holds exactly is a string of digits. */
export interface KeyValue {
  readonly key: string;
  readonly type: 'string' | 'bool' | 'int64' | 'float64' | 'binary';
  readonly value: string | number | boolean;
}

export function stringTag(key: string, value: string): KeyValue {
  return { key, type: 'string', value };
}

/** A tag of a JSON value: objects and arrays as their JSON text. */
export function tagOfJson(key: string, value: unknown): KeyValue {
  if (typeof value === 'boolean') return { key, type: 'bool', value };
  if (typeof value === 'number')
    return { key, type: Number.isSafeInteger(value) ? 'int64' : 'float64', value };
  return stringTag(key, typeof value === 'string' ? value : JSON.stringify(value));
}

/** The members of a JSON object as tags; none for anything else. */
export function tagsOfJson(object: unknown, prefix = ''): KeyValue[] {
  if (!isObject(object)) return [];
  return Object.entries(object).map(([key, value]) => tagOfJson(prefix + key, value));
}

/** A tag of an OTLP `KeyValue` in its JSON form. */
export function tagOfAttribute(attribute: unknown): KeyValue | undefined {
  if (!isObject(attribute) || typeof attribute['key'] !== 'string') return undefined;
  const { key, value } = attribute as { key: string; value?: unknown };
  if (!isObject(value)) return stringTag(key, '');
  if (typeof value['boolValue'] === 'boolean') return { key, type: 'bool', value: value['boolValue'] };
  if ('intValue' in value) return integerTag(key, value['intValue']);
  if (typeof value['doubleValue'] === 'number') return { key, type: 'float64', value: value['doubleValue'] };
  if (typeof value['bytesValue'] === 'string') return { key, type: 'binary', value: value['bytesValue'] };
  return tagOfJson(key, plainValue(value) ?? '');
}

export function tagsOfAttributes(attributes: unknown): KeyValue[] {
  return Array.isArray(attributes) ? attributes.flatMap((attribute) => tagOfAttribute(attribute) ?? []) : [];
}

/** An OTLP `AnyValue` as plain JSON. */
function plainValue(value: unknown): unknown {
  if (!isObject(value)) return null;
  const [kind, inner] = Object.entries(value)[0] ?? [];
  if (kind === 'intValue') return integerTag('', inner).value;
  if (kind === 'arrayValue') return listOf(inner, 'values').map(plainValue);
  if (kind === 'kvlistValue')
    return Object.fromEntries(
      listOf(inner, 'values').map((pair) => {
        const { key, value: member } = pair as { key?: unknown; value?: unknown };
        return [typeof key === 'string' ? key : '', plainValue(member)];
      }),
    );
  return inner ?? null;
}

function integerTag(key: string, value: unknown): KeyValue {
  const number = Number(value);
  return { key, type: 'int64', value: Number.isSafeInteger(number) ? number : String(value) };
}

function listOf(value: unknown, member: string): unknown[] {
  const list = isObject(value) ? value[member] : undefined;
  return Array.isArray(list) ? list : [];
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
