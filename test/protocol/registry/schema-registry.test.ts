import { afterAll, describe, expect, test } from 'vitest';
import type { MplpError } from '#dist/errors/index.js';
import { createProtocolServices, MAX_DEPTH } from '#dist/protocol/index.js';

const services = createProtocolServices({ taskTimeoutMs: 5_000 });
afterAll(() => services.close());
const validator = services.schemaValidator('tests');

async function refusal(run: Promise<unknown>): Promise<string> {
  const error = await run.then(
    () => undefined,
    (thrown: unknown) => thrown as MplpError,
  );
  const first = error?.errors?.[0];
  return `${error?.code.replace('MPLP_ERR_PROTOCOL_', '')} ${first?.pointer ?? ''} ${first?.keyword ?? ''}`.trim();
}
const register = (schema: unknown, id = 'probe'): Promise<string> =>
  refusal(validator.registerSchema(id, schema as Record<string, unknown>));

describe('schemas of users', () => {
  test('register and judge in both dialects, with references between files', async () => {
    const base = 'https://schemas.example.dev/v1/';
    const draft = 'http://json-schema.org/draft-07/schema#';
    await validator.registerSchemas([
      {
        $schema: draft,
        $id: `${base}order.schema.json`,
        type: 'object',
        required: ['id'],
        properties: {
          id: { $ref: 'common/identifiers.schema.json' },
          parent: { $ref: '#' },
          lines: { type: 'array', items: { $ref: 'common/types.schema.json#/definitions/Line' } },
        },
      },
      { $schema: draft, $id: `${base}common/identifiers.schema.json`, type: 'string', pattern: '^[a-z]+$' },
      {
        $schema: draft,
        $id: `${base}common/types.schema.json`,
        definitions: { Line: { type: 'object', properties: { of: { $ref: '../order.schema.json' } } } },
      },
    ]);
    const judge = (document: unknown) => validator.validate(document, `${base}order.schema.json`);
    expect(await judge({ id: 'a', parent: { id: 'b' }, lines: [{ of: { id: 'c' } }] })).toMatchObject({
      valid: true,
      errors: [],
    });
    const { errors } = await judge({ id: 'A', parent: {}, lines: [{ of: { id: 3 } }] });
    expect(errors.map(({ pointer, keyword }) => `${pointer} ${keyword}`).sort()).toEqual([
      '/id pattern',
      '/lines/0/of/id type',
      '/parent/id required',
    ]);
    await validator.registerSchema('tree', {
      $dynamicAnchor: 'node',
      type: 'object',
      properties: { left: { $dynamicRef: '#node' }, at: { format: 'date-time' } },
      unevaluatedProperties: false,
    });
    expect((await validator.validate({ left: { left: {} } }, 'tree')).valid).toBe(true);
    expect((await validator.validate({ left: { right: {} } }, 'tree')).valid).toBe(false);
  });

  test('may refer to the protocol, which they cannot replace', async () => {
    const uuid = 'https://mplp.dev/schemas/v1.0/base-types.json#/definitions/uuid';
    await validator.registerSchema('with-uuid', { $ref: uuid });
    expect((await validator.validate('ctx-123', 'with-uuid')).errors[0]?.message).toContain(
      'lower-case UUIDs',
    );
    expect(await register({ type: 'object' }, 'https://mplp.dev/schemas/v1.0/plan.json')).toBe(
      'SCHEMA_CONFLICT',
    );
    expect(await register({ $id: 'https://mplp.dev/schemas/v1.0/plan.json' })).toBe('SCHEMA_CONFLICT');
    expect(await register({}, 'http://json-schema.org/draft-07/schema')).toBe('SCHEMA_INVALID /$id reserved');
  });

  test('never change, and belong to their project', async () => {
    await validator.registerSchema('fixed', { type: 'string' });
    await validator.registerSchema('fixed', { type: 'string' });
    expect(await register({ type: 'number' }, 'fixed')).toBe('SCHEMA_CONFLICT');
    const other = services.schemaValidator('others');
    expect(await refusal(other.validate('x', 'fixed'))).toBe('SCHEMA_NOT_FOUND');
    await other.registerSchema('fixed', { type: 'number' });
    expect((await other.validate(3, 'fixed')).valid).toBe(true);
    expect((await validator.validate(3, 'fixed')).valid).toBe(false);
  });

  test('of one request are registered all or not at all, and once when asked twice at a time', async () => {
    const before = await validator.listSchemas();
    const set = [{ $id: 'https://a.example/good' }, { $id: 'https://a.example/bad', type: 'strin' }];
    expect(await refusal(validator.registerSchemas(set))).toBe('SCHEMA_INVALID /1/type enum');
    expect(await validator.listSchemas()).toEqual(before);
    const twins = [
      { schemaId: 'twin', schema: { $id: 'https://a.example/one' } },
      { schemaId: 'twin', schema: { $id: 'https://a.example/two' } },
    ];
    expect(await refusal(services.registry.register('tests', twins))).toBe('SCHEMA_INVALID  uniqueId');
    const race = await Promise.allSettled([
      validator.registerSchema('race', { minimum: 1 }),
      validator.registerSchema('race', { minimum: 2 }),
    ]);
    expect(race.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  test('do not see what objects inherit', async () => {
    await validator.registerSchema('own', {
      required: ['toString'],
      properties: { constructor: { type: 'number' } },
    });
    expect((await validator.validate({}, 'own')).errors).toMatchObject([
      { pointer: '/toString', keyword: 'required' },
    ]);
  });
});

const nested = (levels: number): unknown => JSON.parse('{"not":'.repeat(levels) + '{}' + '}'.repeat(levels));
/** `a0` refers to `a1` and so on, wrapped as `wrap` says. */
const chain = (length: number, wrap: (ref: object) => object): object => ({
  $defs: Object.fromEntries([
    ...Array.from({ length }, (_, n) => [`a${n}`, wrap({ $ref: `#/$defs/a${n + 1}` })] as const),
    [`a${length}`, { type: 'string' }] as const,
  ]),
  $ref: '#/$defs/a0',
});

describe('bombs', () => {
  test.each<[name: string, schema: unknown, answer: string]>([
    ['a loop', { $ref: '#' }, 'SCHEMA_INVALID  refLoop'],
    [
      'a loop of two',
      { $defs: { a: { allOf: [{ $ref: '#/$defs/b' }] }, b: { not: { $ref: '#/$defs/a' } } } },
      'SCHEMA_INVALID  refLoop',
    ],
    [
      'a loop where no schema stands',
      { x: { y: { $ref: '#/x/y' } }, $ref: '#/x/y' },
      'SCHEMA_INVALID  refLoop',
    ],
    [
      'an address inside the network',
      { items: { $ref: 'http://169.254.169.254/latest' } },
      'SCHEMA_INVALID /items/$ref $ref',
    ],
    ['nothing behind a reference', { $ref: '#/$defs/none' }, 'SCHEMA_INVALID  compile'],
    ['depth', nested(MAX_DEPTH + 1), `SCHEMA_INVALID ${'/not'.repeat(MAX_DEPTH)} depth`],
    ['size', { enum: ['x'.repeat(300_000)] }, 'SCHEMA_INVALID  maxBytes'],
    ['number of values', { enum: Array.from({ length: 25_000 }, (_, n) => n) }, 'SCHEMA_INVALID  maxValues'],
    [
      'number of references',
      chain(1_100, (ref) => ({ properties: { a: ref } })),
      'SCHEMA_INVALID  maxReferences',
    ],
    ['a long chain', chain(300, (ref) => ref), 'SCHEMA_INVALID  maxApplied'],
    ['lookahead', { pattern: '^(?=a)b' }, 'SCHEMA_INVALID /pattern pattern'],
    [
      'a back reference',
      { patternProperties: { '(a)\\1': {} } },
      'SCHEMA_INVALID /patternProperties/(a)\\1 pattern',
    ],
    ['repetitions of repetitions', { pattern: '((a{100}){100}){100}' }, 'SCHEMA_INVALID /pattern pattern'],
    ['a long pattern', { pattern: 'a'.repeat(2_000) }, 'SCHEMA_INVALID /pattern maxLength'],
    ['no pattern at all', { pattern: '(' }, 'SCHEMA_INVALID /pattern pattern'],
    [
      'a foreign dialect',
      { $schema: 'http://json-schema.org/draft-04/schema#' },
      'SCHEMA_INVALID /$schema dialect',
    ],
    ['a dialect of a name that objects have', { $schema: 'constructor' }, 'SCHEMA_INVALID /$schema dialect'],
    ['a promise', { $async: true }, 'SCHEMA_INVALID /$async unsupported'],
    [
      'two schemas of one id',
      { $defs: { a: { $id: 'x' }, b: { $id: 'x' } } },
      'SCHEMA_INVALID /$defs/b/$id uniqueId',
    ],
    [
      '__proto__',
      JSON.parse('{"properties":{"__proto__":{}}}'),
      'SCHEMA_INVALID /properties/__proto__ protoKey',
    ],
    ['no schema', 'x', 'SCHEMA_INVALID  type'],
    [
      'an address of great length',
      { $id: `https://a.example/${'x'.repeat(3_000)}` },
      'SCHEMA_INVALID /$id address',
    ],
    // Each of them is short in the text; resolved they would be 100 MB.
    [
      'a base of great length for many embedded schemas',
      {
        $id: `https://a.example/${'x'.repeat(100_000)}/`,
        $defs: Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [n, { $id: `s${n}` }])),
      },
      'SCHEMA_INVALID /$id address',
    ],
    [
      'an embedded schema with an address of great length',
      { $defs: { a: { $id: 'y'.repeat(3_000) } } },
      'SCHEMA_INVALID /$defs/a/$id address',
    ],
    [
      'many embedded schemas',
      { $defs: Object.fromEntries(Array.from({ length: 201 }, (_, n) => [`d${n}`, { $id: `s${n}` }])) },
      'SCHEMA_INVALID /$defs/d199/$id maxResources',
    ],
  ])('%s is refused', async (_name, schema, answer) => {
    expect(await register(schema)).toBe(answer);
    expect(await validator.listSchemas()).not.toContain('probe');
  });

  test('each pattern of a schema is judged by itself', async () => {
    const patterns = {
      uuid: '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$',
      event: '^[a-z][a-z0-9]*(?:\\.[a-z][a-z0-9]*)*$',
      version: '^\\d+\\.\\d+$',
    };
    const good = { uuid: '550e8400-e29b-41d4-a716-446655440000', event: 'context.created', version: '1.0' };
    await validator.registerSchema('patterns', {
      properties: Object.fromEntries(Object.entries(patterns).map(([name, pattern]) => [name, { pattern }])),
    });
    expect((await validator.validate(good, 'patterns')).errors).toEqual([]);
    const names = Object.keys(patterns) as (keyof typeof patterns)[];
    for (const [i, name] of names.entries()) {
      const other = good[names[(i + 1) % names.length] as keyof typeof patterns];
      const { errors } = await validator.validate({ ...good, [name]: other }, 'patterns');
      expect(errors.map(({ pointer, keyword }) => `${pointer} ${keyword}`)).toEqual([`/${name} pattern`]);
    }
  });

  test('patterns take linear time', async () => {
    await validator.registerSchema('backtracking', { pattern: '^(a+)+$' });
    expect((await validator.validate(`${'a'.repeat(100_000)}b`, 'backtracking')).valid).toBe(false);
  });

  test('of one project hold up no other one', async () => {
    const mine = createProtocolServices();
    try {
      const [flood, calm] = [mine.schemaValidator('flood'), mine.schemaValidator('calm')];
      await flood.registerSchema('text', { type: 'string' });
      await calm.registerSchema('text', { type: 'string' });
      const order: string[] = [];
      const judge = (validator: typeof flood, name: string): Promise<string> =>
        validator.validate('x'.repeat(500_000), 'text').then(
          () => (order.push(name), 'judged'),
          (error: unknown) => `${(error as MplpError).code} ${(error as MplpError).retryAfterSeconds}`,
        );
      const flooded = Array.from({ length: 60 }, () => judge(flood, 'flood'));
      // Behind all that the other project has waiting.
      const polite = Array.from({ length: 3 }, () => judge(calm, 'calm'));
      expect(await Promise.all(polite)).toEqual(['judged', 'judged', 'judged']);
      const outcomes = await Promise.all(flooded);
      expect(outcomes.filter((outcome) => outcome === 'judged')).toHaveLength(34);
      expect(outcomes.filter((outcome) => outcome === 'MPLP_ERR_PROTOCOL_OVERLOADED 1')).toHaveLength(26);
      expect(order.lastIndexOf('calm')).toBeLessThan(12);
    } finally {
      await mine.close();
    }
  });

  test('work without end is given up, and the next task is done', async () => {
    const quick = createProtocolServices({ taskTimeoutMs: 1_500 });
    const mine = quick.schemaValidator();
    try {
      const doubled = chain(40, (ref) => ({ anyOf: [ref, ref] }));
      await mine.registerSchema('doubled', doubled as Record<string, unknown>);
      expect(await refusal(mine.validate(3, 'doubled'))).toBe('LIMIT  limit');
      expect((await mine.validate('x', 'https://mplp.dev/schemas/v1.0/plan.json')).valid).toBe(false);
      await mine.registerSchema('fine', { type: 'string' });
      expect((await mine.validate('x', 'fine')).valid).toBe(true);
    } finally {
      await quick.close();
    }
  });

  test('a document has limits too', async () => {
    await validator.registerSchema('anything', {});
    expect(await refusal(validator.validate('x'.repeat(1_100_000), 'anything'))).toBe(
      'LIMIT /document maxBytes',
    );
    const circle: { self?: unknown } = {};
    circle.self = circle;
    expect(await refusal(validator.validate(circle, 'anything'))).toBe('INVALID /document type');
  });
});

describe('YAML', () => {
  const read = (text: string): Promise<string> => refusal(services.readYaml(text));

  test('is read as JSON values', async () => {
    expect(await services.readYaml('a: &x {b: 1}\nc: *x\n1: yes\nd: 0x10\n')).toEqual({
      a: { b: 1 },
      c: { b: 1 },
      '1': 'yes',
      d: 16,
    });
  });

  test.each([
    ['a: 1\na: 2', 'MALFORMED /a duplicateKey'],
    ['__proto__: 1', 'MALFORMED /__proto__ protoKey'],
    ['a: [.nan]', 'MALFORMED /a/0 number'],
    ['? [a]\n: 1', 'MALFORMED  keyType'],
    ['a: *b', 'MALFORMED /a alias'],
    ['a: !!js/function x', 'MALFORMED  syntax'],
    ['--- a\n--- b', 'MALFORMED  syntax'],
    ['a: [', 'MALFORMED  syntax'],
    ['['.repeat(50_000), 'MALFORMED  depth'],
    ['- '.repeat(50_000), 'MALFORMED  depth'],
    [`# ${'x'.repeat(600_000)}`, 'MALFORMED  maxBytes'],
  ])('document %# is refused', async (text, answer) => {
    expect(await read(text)).toBe(answer);
  });

  test('cannot laugh a billion times', async () => {
    const lines = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
    for (const [before, name] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg', 'gh', 'hi'])
      lines.push(`${name}: &${name} [${Array(10).fill(`*${before}`).join(', ')}]`);
    expect(await read(lines.join('\n'))).toContain('maxValues');
  });
});
