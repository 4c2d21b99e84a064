import { decode, encode } from '@msgpack/msgpack';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { startEngineWithState, type EngineProcess } from '../support/engine-process.js';

const id = '5f0c9b52-63a1-4f0d-9a3e-2b7c1d4e8f60';
const role = { id, name: 'r', version: '1.0', capabilities: [] };

describe('protocol endpoints', () => {
  let engine: EngineProcess;
  beforeAll(async () => {
    engine = await startEngineWithState();
  });
  afterAll(() => engine.close());

  const send = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${engine.url}/v1.0/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${engine.key}`, 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
    });
  const get = (path: string): Promise<Response> =>
    fetch(`${engine.url}/v1.0/${path}`, { headers: { authorization: `Bearer ${engine.key}` } });
  const answer = async (path: string, body: unknown, headers = {}): Promise<unknown> =>
    (await send(path, body, headers)).json();

  it('parse a document from every format', async () => {
    const expected = { type: 'role', version: '1.0', document: role };
    expect(await answer('protocol/parse?type=role', role)).toEqual(expected);
    const yaml = `id: ${id}\nname: r\nversion: "1.0"\ncapabilities: []\n`;
    expect(await answer('protocol/parse?type=role', yaml, { 'content-type': 'application/yaml' })).toEqual(
      expected,
    );
    expect(
      await answer('protocol/parse?type=role', encode(role), { 'content-type': 'application/msgpack' }),
    ).toEqual(expected);
    expect(await answer('protocol/parse', { type: 'role', input: JSON.stringify(role) })).toEqual(expected);
    expect(await answer('protocol/parse', { type: 'role', format: 'yaml', input: yaml })).toEqual(expected);
    const input = Buffer.from(encode(role)).toString('base64');
    expect(await answer('protocol/parse', { type: 'role', format: 'msgpack', input })).toEqual(expected);
  });

  it('validate by type and by schema, one or many', async () => {
    expect(await answer('protocol/validate', { type: 'role', document: role })).toMatchObject({
      valid: true,
      errors: [],
      warnings: [],
      metadata: {
        schema_id: 'https://mplp.dev/schemas/v1.0/role.json',
        data_size_bytes: JSON.stringify(role).length,
      },
    });
    const wrong = await answer('protocol/validate', { type: 'role', document: { ...role, id: 'ctx-123' } });
    expect(wrong).toMatchObject({ valid: false, errors: [{ pointer: '/id', keyword: 'pattern' }] });
    expect(await answer('protocol/validate', { type: 'role', document: 3 })).toMatchObject({
      valid: false,
      errors: [{ pointer: '', keyword: 'type' }],
    });
    const items = [
      { type: 'role', document: role },
      { schema_id: 'https://mplp.dev/schemas/v1.0/plan.json', document: {} },
    ];
    expect(await answer('protocol/validate/batch', { items })).toMatchObject({
      results: [{ valid: true }, { valid: false }],
    });
  });

  it('serialize, transform and merge', async () => {
    const as = (format: string): Promise<Response> =>
      send('protocol/serialize', { type: 'role', document: role, format });
    expect(await (await as('json')).json()).toEqual(role);
    const yaml = await as('yaml');
    expect(yaml.headers.get('content-type')).toContain('application/yaml');
    expect(parseYaml(await yaml.text())).toEqual(role);
    expect(decode(new Uint8Array(await (await as('msgpack')).arrayBuffer()))).toEqual(role);
    const draft = {
      plan_id: id,
      title: 'p',
      tasks: [{ task_id: id, name: 't', type: 'testing', dependencies: [] }],
    };
    expect(await answer('protocol/transform', { type: 'plan', document: draft, to: '1.0' })).toEqual({
      type: 'plan',
      version: '1.0',
      document: { id, name: 'p', tasks: [{ id, name: 't', category: 'testing', type: 'atomic' }] },
    });
    const documents = [role, { ...role, name: 's', description: 'd' }];
    expect(await answer('protocol/merge', { type: 'role', documents })).toMatchObject({
      document: { ...role, name: 's', description: 'd' },
    });
  });

  it('answer in YAML and MessagePack where that is preferred', async () => {
    const yaml = await send('protocol/parse?type=role', role, { accept: 'application/yaml' });
    expect(parseYaml(await yaml.text())).toMatchObject({ document: role });
    const msgpack = await send('protocol/parse?type=role', role, { accept: 'application/msgpack' });
    expect(decode(new Uint8Array(await msgpack.arrayBuffer()))).toMatchObject({ document: role });
  });

  it('say what is wrong, with a pointer, and never 500', async () => {
    const wrong: [path: string, body: unknown, status: number, pointer: string][] = [
      ['protocol/parse?type=role', '{"a":1,"a":2}', 400, '/a'],
      ['protocol/parse?type=role', '[', 400, '/0'],
      ['protocol/parse?type=role', '[]', 400, ''],
      ['protocol/parse?type=rule', '{}', 400, '?type'],
      ['protocol/parse?typ=role', '{}', 400, '?typ'],
      ['protocol/parse', { type: 'role', input: '{"__proto__":1}' }, 400, '/__proto__'],
      ['protocol/parse', { type: 'role', format: 'msgpack', input: '*' }, 400, '/input'],
      ['protocol/validate', { document: {} }, 400, ''],
      ['protocol/validate', { type: 'role' }, 400, '/document'],
      ['protocol/validate', { type: 'role', document: {}, more: 1 }, 400, '/more'],
      ['protocol/validate/batch', { items: [{ type: 'x', document: {} }] }, 400, '/items/0/type'],
      ['protocol/validate/batch', { items: Array(101).fill({ type: 'role', document: {} }) }, 400, '/items'],
      ['protocol/serialize', { type: 'role', document: role, format: 'xml' }, 400, '/format'],
      ['protocol/transform', { type: 'role', document: role, to: '2.0' }, 400, '/to'],
      ['protocol/merge', { type: 'role', documents: [] }, 400, '/documents'],
      ['protocol/merge', { type: 'role', documents: [role, 3] }, 400, '/documents/1'],
      ['schemas', { schema_id: 'x', schema: { $ref: '#' } }, 400, ''],
      [
        'schemas',
        { schemas: [{ schema_id: 'x', schema: {} }, { schema: { $id: 'y', minLength: -1 } }] },
        400,
        '/schemas/1/schema/minLength',
      ],
      ['schemas', { schema_id: 'x\0', schema: {} }, 400, '/schema/$id'],
      ['schemas', { schemas: Array(2).fill({ schema_id: 'x', schema: {} }) }, 400, ''],
    ];
    for (const [path, body, status, pointer] of wrong) {
      const response = await send(path, body);
      const problem = (await response.json()) as { errors: { pointer: string }[] };
      expect([path, body, response.status], JSON.stringify(problem)).toEqual([path, body, status]);
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      expect(problem.errors[0]?.pointer, path).toBe(pointer);
    }
    expect((await send('protocol/parse?type=role', 'x', { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await send('protocol/parse?type=role', `"${'x'.repeat(2 ** 21)}"`)).status).toBe(413);
    expect((await send('protocol/validate', { schema_id: 'none', document: 1 })).status).toBe(404);
  });

  it('register schemas, list and give them, and judge by them', async () => {
    const $id = 'https://example.com/schemas/total.json';
    const schema = {
      $schema: 'http://json-schema.org/draft-07/schema#',
      $id,
      type: 'object',
      required: ['total'],
    };
    const created = await send('schemas', { schema });
    expect(created.status).toBe(201);
    expect(created.headers.get('location')).toBe(`/v1.0/schemas/${encodeURIComponent($id)}`);
    expect(await created.json()).toMatchObject({ schema_id: $id, address: $id, dialect: 'draft-07' });
    expect((await send('schemas', { schema })).status).toBe(200);
    expect((await send('schemas', { schema: { ...schema, required: [] } })).status).toBe(409);
    const found = await get(`schemas/${encodeURIComponent($id)}`);
    expect(found.headers.get('etag')).toBe(created.headers.get('etag'));
    expect(await found.json()).toMatchObject({ schema_id: $id, schema });
    expect(await answer('protocol/validate', { schema_id: $id, document: {} })).toMatchObject({
      valid: false,
      errors: [{ pointer: '/total' }],
    });
    const names: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page = await get(`schemas?limit=3${cursor && `&cursor=${cursor}`}`);
      const { schemas, next } = (await page.json()) as {
        schemas: { schema_id: string }[];
        next: string | null;
      };
      expect(schemas.length).toBeLessThanOrEqual(3);
      names.push(...schemas.map((one) => one.schema_id));
      cursor = next;
    }
    expect(names).toHaveLength(8);
    expect(names[7]).toBe($id);
    expect((await get('schemas?limit=0')).status).toBe(400);
    expect((await get('schemas/none')).status).toBe(404);
    for (const odd of ['%00', 'a%00b', 'x'.repeat(5_000)])
      expect([odd, (await get(`schemas/${odd}`)).status]).toEqual([odd, 404]);
    expect((await get('schemas/%ED%A0%80')).status).toBe(400);
    for (const odd of ['', '\0', 'a\0', 'x'.repeat(600)])
      expect((await get(`schemas?cursor=${Buffer.from(odd).toString('base64url')}`)).status).toBe(400);
  });

  it('count what they do for Prometheus', async () => {
    const count = async (verb: string, result: string): Promise<number> => {
      const metrics = await fetch(`${engine.url}/metrics`, {
        headers: { authorization: `Bearer ${engine.key}` },
      });
      const text = await metrics.text();
      const found = new RegExp(
        `^mplp_protocol_operations_total\\{verb="${verb}",result="${result}"\\} (\\d+)$`,
        'm',
      ).exec(text);
      const observed = new RegExp(
        `^mplp_protocol_operation_duration_seconds_count\\{verb="${verb}"\\} (\\d+)$`,
        'm',
      ).exec(text);
      expect(Number(observed?.[1] ?? 0)).toBeGreaterThanOrEqual(Number(found?.[1] ?? 0));
      return Number(found?.[1] ?? 0);
    };
    const yaml = { 'content-type': 'application/yaml' };
    const calls: [verb: string, result: string, path: string, body: unknown, headers?: object][] = [
      ['parse', 'ok', 'protocol/parse?type=role', role],
      ['parse', 'ok', 'protocol/parse?type=role', 'name: r\n', yaml],
      ['parse', 'failed', 'protocol/parse?type=role', '['],
      ['parse', 'failed', 'protocol/parse?type=role', '- [', yaml],
      ['validate', 'ok', 'protocol/validate', { type: 'role', document: {} }],
      ['validateBySchema', 'failed', 'protocol/validate', { schema_id: 'none', document: {} }],
      ['serialize', 'ok', 'protocol/serialize', { type: 'role', document: role, format: 'yaml' }],
      ['transform', 'ok', 'protocol/transform', { type: 'role', document: role, to: '1.0' }],
      ['merge', 'failed', 'protocol/merge', { type: 'role', documents: [] }],
      ['registerSchemas', 'ok', 'schemas', { schema_id: 'counted', schema: {} }],
      ['registerSchemas', 'failed', 'schemas', { schema_id: 'counted', schema: true }],
    ];
    for (const [verb, result, path, body, headers = {}] of calls) {
      const before = await count(verb, result);
      await send(path, body, headers as Record<string, string>);
      expect([verb, result, await count(verb, result)]).toEqual([verb, result, before + 1]);
    }
  });

  it('go on while a schema is given up', async () => {
    const $defs = Object.fromEntries(
      Array.from({ length: 40 }, (_, n) => [
        `a${n}`,
        { anyOf: Array(2).fill({ $ref: `#/$defs/a${n + 1}` }) },
      ]),
    );
    const schema = { $defs: { ...$defs, a40: { type: 'string' } }, $ref: '#/$defs/a0' };
    expect((await send('schemas', { schema_id: 'doubled', schema })).status).toBe(201);
    const stuck = send('protocol/validate', { schema_id: 'doubled', document: 3 });
    expect((await fetch(`${engine.url}/health`)).status).toBe(200);
    expect(await answer('protocol/validate', { type: 'role', document: role })).toMatchObject({
      valid: true,
    });
    expect((await stuck).status).toBe(422);
    expect(engine.stderr).not.toContain('a request failed');
  });
});
