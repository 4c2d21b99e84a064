/** Random OpenTelemetry requests in OTLP/JSON spelling, and their encodings. The same seed gives the same request. */
import type {
  OtlpAnyValue,
  OtlpEvent,
  OtlpKeyValue,
  OtlpLink,
  OtlpResource,
  OtlpScope,
  OtlpSpan,
} from '#dist/protocol/index.js';
import { message, type Field } from './protobuf-writer.js';
import type { Random } from './random.js';

export interface ScopeSpans {
  scope?: Omit<OtlpScope, 'schemaUrl'>;
  spans: OtlpSpan[];
  schemaUrl?: string;
}
export interface ResourceSpans {
  resource?: Omit<OtlpResource, 'schemaUrl'>;
  scopeSpans: ScopeSpans[];
  schemaUrl?: string;
}
export interface OtlpRequest {
  resourceSpans: ResourceSpans[];
}

const KEYS = [
  'http.request.method',
  'url.full',
  'server.port',
  'service.name',
  'mplp.agent_id',
  'mplp.context_id',
  'session.id',
  'gen_ai.agent.id',
  'gen_ai.conversation.id',
  'gen_ai.operation.name',
  'gen_ai.request.model',
  'gen_ai.response.model',
  'gen_ai.provider.name',
  'gen_ai.system',
  'gen_ai.usage.input_tokens',
  'gen_ai.usage.prompt_tokens',
  'gen_ai.usage.output_tokens',
  'gen_ai.usage.cache_read.input_tokens',
  'gen_ai.response.finish_reasons',
  'gen_ai.tool.name',
  'exception.message',
  'ключ "\\\n',
  '__proto__x',
];
const TEXTS = [
  '',
  'GET',
  'https://example.org/a?b=c&d=%20',
  'chat',
  'execute_tool',
  '0190d5f0-7a1b-4c2d-8e3f-00000000ABCD',
  'größe "quoted" \\ back\n\u0000\u007f',
  '😀'.repeat(3),
  'x'.repeat(256),
  'y'.repeat(257),
  'é"'.repeat(200),
];
const INTEGERS = ['0', '1', '-1', '127', '128', '300', '65536', '9223372036854775807', '-9223372036854775808'];
// prettier-ignore
const DOUBLES = [0, -0, 0.5, -1.5, 1e-5, 0.1 + 0.2, 1e21, 1.5e300, 5e-324, 123456789.125, 1e-7, 123456789012345680000, 1 / 3];

const hex = (random: Random, size: number): string =>
  Array.from({ length: size }, () => (1 + random.below(255)).toString(16).padStart(2, '0')).join('');

function anyValue(random: Random, depth: number): OtlpAnyValue {
  switch (random.below(depth > 4 ? 6 : 9)) {
    case 0:
    case 1:
      return { stringValue: random.pick(TEXTS) };
    case 2:
      return { boolValue: random.chance(0.5) };
    case 3:
      return { intValue: random.pick(INTEGERS) };
    case 4:
      if (random.chance(0.2)) return { doubleValue: random.pick(['NaN', 'Infinity', '-Infinity']) };
      return { doubleValue: random.pick(DOUBLES) };
    case 5: {
      const size = random.pick([0, 1, 2, 3, 100, 200, 300]);
      return { bytesValue: Buffer.from(Array.from({ length: size }, () => random.below(256))).toString('base64') };
    }
    case 6: {
      const values = Array.from({ length: random.below(4) }, () => anyValue(random, depth + 1));
      return { arrayValue: values.length > 0 ? { values } : {} };
    }
    case 7: {
      const values = Array.from({ length: random.below(4) }, () => keyValue(random, depth + 1));
      return { kvlistValue: values.length > 0 ? { values } : {} };
    }
    default:
      return {};
  }
}

function keyValue(random: Random, depth: number): OtlpKeyValue {
  const pair: OtlpKeyValue = {};
  const key = random.chance(0.05) ? '' : random.chance(0.03) ? 'k'.repeat(300) : random.pick(KEYS);
  if (key !== '') pair.key = key;
  if (!random.chance(0.03)) pair.value = anyValue(random, depth);
  return pair;
}

const attributes = (random: Random, most: number): { attributes?: OtlpKeyValue[] } => {
  const list = Array.from({ length: random.below(most) }, () => keyValue(random, 1));
  return list.length > 0 ? { attributes: list } : {};
};
const some = <T>(random: Random, value: T): T | undefined => (random.chance(0.4) ? value : undefined);
const count = (random: Random) => some(random, random.pick([1, 127, 70000, 4294967295]));
const url = (random: Random) => some(random, 'https://opentelemetry.io/schemas/1.30.0');

/** Drops what is undefined. */
const compact = <T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as never;

export function makeSpan(random: Random): OtlpSpan {
  const start = 1_737_999_632_000_000_000n + BigInt(random.below(1_000_000_000));
  const events = Array.from({ length: random.chance(0.3) ? random.below(4) : 0 }, () =>
    compact({
      timeUnixNano: some(random, String(start)),
      name: some(random, random.pick(['exception', 'message', 'x"y'])),
      ...attributes(random, 4),
      droppedAttributesCount: count(random),
    }),
  );
  const links = Array.from({ length: random.chance(0.3) ? random.below(4) : 0 }, () =>
    compact({
      traceId: some(random, hex(random, 16)),
      spanId: some(random, hex(random, 8)),
      traceState: some(random, 'a=b'),
      ...attributes(random, 4),
      droppedAttributesCount: count(random),
      flags: count(random),
    }),
  );
  const status = compact({
    message: some(random, random.pick(TEXTS.slice(1))),
    code: some(random, random.pick([1, 2, 2, 3, -1])),
  });
  return compact({
    traceId: hex(random, 16),
    spanId: hex(random, 8),
    traceState: some(random, 'vendor=1'),
    parentSpanId: random.chance(0.7) ? hex(random, 8) : undefined,
    name: random.chance(0.9) ? random.pick(TEXTS.slice(1)) : undefined,
    kind: random.chance(0.8) ? random.pick([1, 2, 3, 4, 5, 6, -7]) : undefined,
    startTimeUnixNano: String(start),
    endTimeUnixNano: random.chance(0.8) ? String(start + BigInt(random.below(1_000_000))) : undefined,
    ...attributes(random, random.chance(0.02) ? 300 : 12),
    droppedAttributesCount: count(random),
    events: events.length > 0 ? (events as OtlpEvent[]) : undefined,
    droppedEventsCount: count(random),
    links: links.length > 0 ? (links as OtlpLink[]) : undefined,
    droppedLinksCount: count(random),
    status: Object.keys(status).length > 0 ? status : undefined,
    flags: some(random, random.pick([1, 256, 257, 0x301])),
  }) as OtlpSpan;
}

export function makeRequest(random: Random): OtlpRequest {
  const list = <T>(make: () => T): T[] => Array.from({ length: 1 + random.below(3) }, make);
  return {
    resourceSpans: list(() =>
      compact({
        resource: random.chance(0.9)
          ? compact({
              ...attributes(random, 6),
              droppedAttributesCount: count(random),
              entityRefs: some(random, [
                compact({
                  schemaUrl: url(random),
                  type: some(random, 'service'),
                  idKeys: some(random, ['service.name', '']),
                  descriptionKeys: some(random, ['x']),
                }),
                {},
              ]),
            })
          : undefined,
        scopeSpans: list(() =>
          compact({
            scope: random.chance(0.9)
              ? compact({
                  name: some(random, 'lib'),
                  version: some(random, '1.2.3'),
                  ...attributes(random, 3),
                  droppedAttributesCount: count(random),
                })
              : undefined,
            spans: Array.from({ length: random.below(5) }, () => makeSpan(random)),
            schemaUrl: url(random),
          }),
        ) as ScopeSpans[],
        schemaUrl: url(random),
      }),
    ) as ResourceSpans[],
  };
}

// ---- protobuf ----

/** How a writer may differ from the canonical one without changing what is meant. */
export interface Freedom {
  readonly random: Random | undefined;
}

function write(freedom: Freedom, fields: (Field | undefined)[]): Buffer {
  const present = fields.filter((field) => field !== undefined);
  const { random } = freedom;
  if (random !== undefined && random.chance(0.2)) {
    present.push([100 + random.below(1000), 'varint', 5], [19, 'bytes', 'unknown'], [20, 'fixed64', 1]);
    // Fields of different numbers may come in any order; those of one number keep theirs.
    const turn = random.below(7);
    const order = present.map(([number], place) => ({ place, rank: (number * (turn + 1)) % 23 }));
    order.sort((a, b) => a.rank - b.rank || a.place - b.place);
    return message(...order.map(({ place }) => present[place]!));
  }
  return message(...present);
}

const text = (number: number, value: string | undefined): Field | undefined =>
  value === undefined ? undefined : [number, 'bytes', value];
const whole = (number: number, value: number | undefined): Field | undefined =>
  value === undefined ? undefined : [number, 'varint', value];
const time = (number: number, value: string | undefined): Field | undefined =>
  value === undefined ? undefined : [number, 'fixed64', BigInt(value)];
const id = (number: number, value: string | undefined): Field | undefined =>
  value === undefined ? undefined : [number, 'bytes', Buffer.from(value, 'hex')];

function anyBytes(value: OtlpAnyValue, freedom: Freedom): Buffer {
  if ('stringValue' in value) return write(freedom, [[1, 'bytes', value.stringValue]]);
  if ('boolValue' in value) return write(freedom, [[2, 'varint', value.boolValue ? 1 : 0]]);
  if ('intValue' in value) return write(freedom, [[3, 'varint', BigInt(value.intValue)]]);
  if ('doubleValue' in value) return write(freedom, [[4, 'double', Number(value.doubleValue)]]);
  if ('bytesValue' in value) return write(freedom, [[7, 'bytes', Buffer.from(value.bytesValue, 'base64')]]);
  if ('arrayValue' in value) {
    const values = value.arrayValue.values ?? [];
    return write(freedom, [[5, 'bytes', write(freedom, values.map((v): Field => [1, 'bytes', anyBytes(v, freedom)]))]]);
  }
  if ('kvlistValue' in value) {
    const values = value.kvlistValue.values ?? [];
    return write(freedom, [[6, 'bytes', write(freedom, values.map((v): Field => [1, 'bytes', pairBytes(v, freedom)]))]]);
  }
  return write(freedom, []);
}

function pairBytes({ key, value }: OtlpKeyValue, freedom: Freedom): Buffer {
  return write(freedom, [
    text(1, key),
    value === undefined ? undefined : [2, 'bytes', anyBytes(value, freedom)],
  ]);
}

const pairs = (number: number, list: OtlpKeyValue[] | undefined, freedom: Freedom): Field[] =>
  (list ?? []).map((pair) => [number, 'bytes', pairBytes(pair, freedom)]);

export function spanBytes(span: OtlpSpan, freedom: Freedom): Buffer {
  return write(freedom, [
    id(1, span.traceId),
    id(2, span.spanId),
    text(3, span.traceState),
    id(4, span.parentSpanId),
    text(5, span.name),
    whole(6, span.kind),
    time(7, span.startTimeUnixNano),
    time(8, span.endTimeUnixNano),
    ...pairs(9, span.attributes, freedom),
    whole(10, span.droppedAttributesCount),
    ...(span.events ?? []).map(
      (event): Field => [
        11,
        'bytes',
        write(freedom, [
          time(1, event.timeUnixNano),
          text(2, event.name),
          ...pairs(3, event.attributes, freedom),
          whole(4, event.droppedAttributesCount),
        ]),
      ],
    ),
    whole(12, span.droppedEventsCount),
    ...(span.links ?? []).map(
      (link): Field => [
        13,
        'bytes',
        write(freedom, [
          id(1, link.traceId),
          id(2, link.spanId),
          text(3, link.traceState),
          ...pairs(4, link.attributes, freedom),
          whole(5, link.droppedAttributesCount),
          link.flags === undefined ? undefined : [6, 'fixed32', link.flags],
        ]),
      ],
    ),
    whole(14, span.droppedLinksCount),
    span.status === undefined
      ? undefined
      : [15, 'bytes', write(freedom, [text(2, span.status.message), whole(3, span.status.code)])],
    span.flags === undefined ? undefined : [16, 'fixed32', span.flags],
  ]);
}

export function requestBytes(request: OtlpRequest, random?: Random): Buffer {
  const freedom = { random };
  return write(
    freedom,
    request.resourceSpans.map((resourceSpans): Field => {
      const { resource } = resourceSpans;
      return [
        1,
        'bytes',
        write(freedom, [
          resource === undefined
            ? undefined
            : [
                1,
                'bytes',
                write(freedom, [
                  ...pairs(1, resource.attributes, freedom),
                  whole(2, resource.droppedAttributesCount),
                  ...(resource.entityRefs ?? []).map(
                    (reference): Field => [
                      3,
                      'bytes',
                      write(freedom, [
                        text(1, reference.schemaUrl),
                        text(2, reference.type),
                        ...(reference.idKeys ?? []).map((key): Field => [3, 'bytes', key]),
                        ...(reference.descriptionKeys ?? []).map((key): Field => [4, 'bytes', key]),
                      ]),
                    ],
                  ),
                ]),
              ],
          ...resourceSpans.scopeSpans.map((scopeSpans): Field => {
            const { scope } = scopeSpans;
            return [
              2,
              'bytes',
              write(freedom, [
                scope === undefined
                  ? undefined
                  : [
                      1,
                      'bytes',
                      write(freedom, [
                        text(1, scope.name),
                        text(2, scope.version),
                        ...pairs(3, scope.attributes, freedom),
                        whole(4, scope.droppedAttributesCount),
                      ]),
                    ],
                ...scopeSpans.spans.map((span): Field => [2, 'bytes', spanBytes(span, freedom)]),
                text(3, scopeSpans.schemaUrl),
              ]),
            ];
          }),
          text(3, resourceSpans.schemaUrl),
        ]),
      ];
    }),
  );
}

// ---- JSON ----

const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The request as JSON text; with `random`, spelled in the ways that mean the same. */
export function requestJson(request: OtlpRequest, random?: Random): string {
  const spell = (value: unknown, key: string): string => {
    if (Object.is(value, -0)) return '-0.0';
    if (typeof value === 'string') {
      if (random?.chance(0.5) && /^-?\d+$/.test(value) && /Nano$|^intValue$/.test(key)) return value;
      if (random?.chance(0.3) && /^(trace|span|parentSpan)Id$/.test(key)) return JSON.stringify(value.toUpperCase());
      const spelled = JSON.stringify(value);
      return random?.chance(0.1)
        ? spelled.replace(/(?<!\\)[a-z](?=[^\\]*"$)/, (c) => `\\u00${c.charCodeAt(0).toString(16)}`)
        : spelled;
    }
    if (typeof value === 'number') {
      const isQuoted = random?.chance(0.3) && /Count$|^flags$|^doubleValue$/.test(key);
      return isQuoted ? `"${value}"` : JSON.stringify(value);
    }
    if (Array.isArray(value)) return `[${value.map((item) => spell(item, key)).join(',')}]`;
    if (typeof value !== 'object' || value === null) return JSON.stringify(value);
    const members = Object.entries(value).map(([name, member]) => {
      const spelledName = random?.chance(0.1) ? snake(name) : name;
      return `${JSON.stringify(spelledName)}:${spell(member, name)}`;
    });
    if (random?.chance(0.1)) members.push('"unknown":{"a":[1,{"b":null}]}');
    if (random?.chance(0.1)) members.sort();
    const space = random?.chance(0.1) ? ' \n' : '';
    return `{${space}${members.join(`,${space}`)}${space}}`;
  };
  return spell(request, '');
}
