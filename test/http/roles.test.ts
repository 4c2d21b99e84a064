import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callEngine } from '../support/call-engine.js';
import { predefinedRoles } from '#dist/modules/roles/index.js';
import { startEngineWithState, type EngineProcess } from '../support/engine-process.js';

type Document = Record<string, unknown> & { id: string };
const { ADMIN, DEVELOPER, VIEWER } = predefinedRoles;

/** A copy with another value somewhere: the whole, or one of its parts. */
function withValue(document: unknown, place: number, value: unknown): unknown {
  const entries = typeof document === 'object' && document !== null ? Object.entries(document) : [];
  const index = place % (entries.length + 1);
  const [name, part] = entries[index] ?? [];
  if (name === undefined) return value;
  const changed = withValue(part, Math.floor(place / (entries.length + 1)), value);
  if (Array.isArray(document)) return document.with(Number(name), changed);
  return { ...(document as object), [name]: changed };
}

describe('roles', () => {
  let engine: EngineProcess;
  beforeAll(async () => {
    engine = await startEngineWithState();
  });
  afterAll(() => engine.close());

  const call = callEngine(() => engine, '/v1.0/roles');
  const create = async (more: object = {}): Promise<Document> => {
    const response = await call('POST', '', { name: 'reviewer', ...more });
    expect(response.status).toBe(201);
    return (await response.json()) as Document;
  };
  const read = async (response: Promise<Response>): Promise<Record<string, unknown>> =>
    (await (await response).json()) as Record<string, unknown>;
  const statusOf = async (response: Promise<Response>): Promise<number> => (await response).status;

  it('come back as they were sent, on both base paths, with what the engine fills in', async () => {
    const sent = {
      name: '高级开发者',
      description: '具备高级编程和架构设计能力',
      capabilities: [{ name: '编程', type: 'skill', level: 'advanced', parameters: { languages: ['Go'] } }],
      permissions: [
        { resource: 'code_repository', actions: ['read'], conditions: { branch_protection: true } },
      ],
      constraints: {
        time_limits: { max_session_duration: '8h' },
        resource_limits: { max_concurrent_tasks: 5 },
      },
      x_future: 1,
    };
    const response = await call('POST', '', sent);
    expect([response.status, response.headers.get('etag')]).toEqual([201, '"1"']);
    const document = (await response.json()) as Document;
    expect(document).toMatchObject({ ...sent, version: '1.0' });
    expect(response.headers.get('location')).toBe(`/v1.0/roles/${document.id}`);
    expect(await read(call('GET', `/${document.id}`))).toEqual(document);
    expect(await read(call('GET', `/${document.id}`, undefined, {}, '/api/v1/mplp/roles'))).toEqual(document);
    expect(await statusOf(call('GET', `/${document.id}`, undefined, { 'if-none-match': '"1"' }))).toBe(304);
    expect(await statusOf(call('DELETE', `/${document.id}`))).toBe(204);
    expect(await statusOf(call('GET', `/${document.id}`))).toBe(404);
  });

  it('are refused with a pointer for what is wrong', async () => {
    const cases: [unknown, string][] = [
      [{}, '/name'],
      [{ name: 'x', capabilities: [{ name: 'a', type: 'skill' }] }, '/capabilities/0/level'],
      [{ name: 'x', permissions: [{ resource: 'plan', actions: 'read' }] }, '/permissions/0/actions'],
      [
        { name: 'x', permissions: [{ resource: 'plan', actions: [], effect: 'maybe' }] },
        '/permissions/0/effect',
      ],
      [
        { name: 'x', constraints: { resource_limits: { max_tasks: {} } } },
        '/constraints/resource_limits/max_tasks',
      ],
      [{ name: 'x', inheritance: { parent_roles: ['base-developer'] } }, '/inheritance/parent_roles/0'],
      [{ name: 'x', inheritance: { overrides: ['?'] } }, '/inheritance/overrides/0'],
      [{ name: 'a\0b' }, '/name'],
      [{ name: 'x', id: 'admin' }, '/id'],
      ['[]', ''],
    ];
    for (const [body, pointer] of cases) {
      const response = await call('POST', '', body);
      expect([JSON.stringify(body), response.status]).toEqual([JSON.stringify(body), 400]);
      expect((await response.json()) as object).toMatchObject({ errors: [{ pointer }] });
    }
    const missing = randomUUID();
    const unknown = await call('POST', '', {
      name: 'x',
      inheritance: { parent_roles: [VIEWER.id, missing] },
    });
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({
      detail: expect.stringContaining(missing) as unknown,
      errors: [{ pointer: '/inheritance/parent_roles/1' }],
    });
    expect(await statusOf(call('POST', '', { name: 'x', description: 'x'.repeat(70_000) }))).toBe(422);
    expect(await statusOf(call('POST', '', `{"name":"${'x'.repeat(5 * 1024 * 1024)}"}`))).toBe(413);
    expect(await statusOf(call('POST', '', '{"__proto__":{"name":"x"},"name":"y"}'))).toBe(400);
    const { id } = await create();
    expect(await statusOf(call('POST', '', { id, name: 'x' }))).toBe(409);
    for (const path of [
      '/constructor',
      '/__proto__',
      '/check',
      `/${id}/effective?resource=plan`,
      '?name=a%00b',
      '?x=1',
    ])
      expect([path, await statusOf(call('GET', path))]).toEqual([path, 400]);
    for (const [method, path, body] of [
      ['GET', '', undefined],
      ['PUT', '', { name: 'x' }],
      ['DELETE', '', undefined],
      ['POST', '/inherit', { parent_role_id: id }],
      ['GET', '/effective', undefined],
      ['POST', '/assignments', { subject: 'agent:a' }],
      ['GET', '/assignments', undefined],
      ['GET', `/assignments/${missing}`, undefined],
      ['DELETE', `/assignments/${missing}`, undefined],
    ] as const) {
      const response = await call(method, `/${missing}${path}`, body);
      expect([method, path, response.status]).toEqual([method, path, 404]);
      expect(((await response.json()) as { detail: string }).detail).toContain(missing);
    }
  });

  it('of the engine are in every list, last, and cannot be changed', async () => {
    for (const { id } of [ADMIN, DEVELOPER, VIEWER]) {
      expect(await read(call('GET', `/${id}`))).toMatchObject({ id });
      for (const [method, path, body] of [
        ['PUT', '', { name: 'mine' }],
        ['DELETE', '', undefined],
        ['POST', '/inherit', { parent_role_id: VIEWER.id }],
      ] as const) {
        const response = await call(method, `/${id}${path}`, body);
        expect(response.status).toBe(409);
        expect(await response.json()).toMatchObject({
          detail: expect.stringContaining('predefined') as unknown,
        });
      }
      expect(await statusOf(call('POST', '', { id, name: 'mine' }))).toBe(409);
    }
    const own = [await create(), await create(), await create()].map(({ id }) => id);
    for (const limit of [1, 2, 3, 4, 1_000]) {
      const ids: string[] = [];
      for (let next: string | null = ''; next !== null;) {
        const page = (await read(call('GET', `?limit=${limit}${next && `&cursor=${next}`}`))) as unknown as {
          roles: Document[];
          next: string | null;
        };
        expect(page.roles.length).toBeLessThanOrEqual(limit);
        ids.push(...page.roles.map(({ id }) => id));
        next = page.next;
      }
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids.slice(0, 3)).toEqual([...own].reverse());
      expect(ids.slice(-3)).toEqual([VIEWER.id, DEVELOPER.id, ADMIN.id]);
    }
    expect(await read(call('GET', '?name=Viewer'))).toMatchObject({ roles: [{ id: VIEWER.id }], next: null });
    expect(await read(call('GET', '?name=constructor'))).toEqual({ roles: [], next: null });
    expect(await statusOf(call('GET', '?cursor=nonsense'))).toBe(400);
  });

  it('change only from the version that the caller has seen, and once for one key', async () => {
    const { id } = await create();
    const put = (name: string, headers: Record<string, string>): Promise<Response> =>
      call('PUT', `/${id}`, { name }, headers);
    expect((await put('second', { 'if-match': '"1"' })).headers.get('etag')).toBe('"2"');
    const late = await put('late', { 'if-match': '"1"' });
    expect(late.status).toBe(412);
    expect(await late.json()).toMatchObject({ version: 2 });
    expect(await statusOf(call('DELETE', `/${id}`, undefined, { 'if-match': '"1"' }))).toBe(412);
    const key = { 'idempotency-key': randomUUID() };
    const [first, again] = [
      await call('POST', '', { name: 'once' }, key),
      await call('POST', '', { name: 'once' }, key),
    ];
    expect(await again.json()).toEqual(await first.json());
    expect(await statusOf(call('POST', '', { name: 'twice' }, key))).toBe(422);
  });

  it('inherit with overrides, explained rule by rule; a circle is refused by its names', async () => {
    const base = await create({
      name: 'base',
      capabilities: [{ name: '编程', type: 'skill', level: 'basic' }],
      permissions: [
        { resource: 'plan', actions: ['read', 'write'] },
        { resource: 'plan', actions: ['delete'], effect: 'deny' },
      ],
      constraints: { resource_limits: { max_concurrent_tasks: 2 } },
    });
    const heir = await create({ name: 'heir' });
    const inherited = await call('POST', `/${heir.id}/inherit`, {
      parent_role_id: base.id,
      overrides: [
        { capability: '编程', level: 'advanced' },
        { resource: 'plan', actions: ['write'], excluded: true },
      ],
    });
    expect([inherited.status, inherited.headers.get('etag')]).toEqual([200, '"2"']);
    // Once more changes nothing.
    const again = await call('POST', `/${heir.id}/inherit`, { parent_role_id: base.id });
    expect([again.status, again.headers.get('etag')]).toEqual([200, '"2"']);
    const via = [heir.id, base.id];
    const effective = await read(
      call('GET', `/${heir.id}/effective?resource=plan&action=write&resource_id=p&subject=agent:a`),
    );
    expect(effective).toMatchObject({
      role_id: heir.id,
      capabilities: [{ name: '编程', level: 'advanced', role_id: base.id, rule: '/capabilities/0', via }],
      permissions: [
        {
          effect: 'allow',
          rule: '/permissions/0',
          via,
          restrictions: [{ resource: 'plan', actions: ['write'] }],
        },
        { effect: 'deny', rule: '/permissions/1', via, restrictions: [] },
      ],
      constraints: [{ name: 'max_concurrent_tasks', limit: 2, role_id: base.id, via }],
      faults: [],
      decision: { allowed: false, reasons: [{ rule: 'default' }, { role_id: base.id, applies: false }] },
    });
    const question = (action: string): Promise<Record<string, unknown>> =>
      read(call('GET', `/${heir.id}/effective?resource=plan&action=${action}`));
    expect(await question('read')).toMatchObject({ decision: { allowed: true } });
    expect(await question('delete')).toMatchObject({
      decision: { allowed: false, reasons: [{ effect: 'deny', rule: '/permissions/1' }] },
    });
    expect(await question('constructor')).toMatchObject({ decision: { allowed: false } });
    const circle = await call('POST', `/${base.id}/inherit`, { parent_role_id: heir.id });
    expect(circle.status).toBe(409);
    const { detail, roles } = (await circle.json()) as { detail: string; roles: string[] };
    for (const id of via) expect(detail).toContain(id);
    expect([...roles].sort()).toEqual([...via].sort());
    // A role that names itself is not a valid document.
    expect(await statusOf(call('POST', `/${base.id}/inherit`, { parent_role_id: base.id }))).toBe(400);
    const put = { name: 'base', inheritance: { parent_roles: [heir.id] } };
    expect(await statusOf(call('PUT', `/${base.id}`, put))).toBe(409);
    for (const [body, pointer] of [
      [{}, '/parent_role_id'],
      [{ parent_role_id: 'base-developer' }, '/parent_role_id'],
      [{ parent_role_id: VIEWER.id, overrides: {} }, '/overrides'],
      [
        { parent_role_id: VIEWER.id, overrides: [{ parent_role_id: base.id }] },
        '/overrides/0/parent_role_id',
      ],
      [{ parent_role_id: VIEWER.id, other: 1 }, '/other'],
    ] as const) {
      const response = await call('POST', `/${heir.id}/inherit`, body);
      expect([JSON.stringify(body), response.status]).toEqual([JSON.stringify(body), 400]);
      expect(await response.json()).toMatchObject({ errors: [{ pointer }] });
    }
    // Predefined roles can be inherited from.
    expect(await statusOf(call('POST', `/${heir.id}/inherit`, { parent_role_id: VIEWER.id }))).toBe(200);
    expect(await read(call('GET', `/${heir.id}/effective?resource=context&action=read`))).toMatchObject({
      decision: { allowed: true },
    });
  });

  it('are assigned once to a subject, listed by role and by subject, and held by that', async () => {
    const { id } = await create();
    const subject = 'human:ada@example.org';
    const response = await call('POST', `/${id}/assignments`, {
      subject,
      expires_at: '2999-01-31T12:00:00+01:00',
    });
    expect(response.status).toBe(201);
    const assignment = (await response.json()) as Document;
    expect(assignment).toMatchObject({ role_id: id, subject, expires_at: '2999-01-31T11:00:00Z' });
    expect(response.headers.get('location')).toBe(`/v1.0/roles/${id}/assignments/${assignment.id}`);
    expect(await read(call('GET', `/${id}/assignments/${assignment.id}`))).toEqual(assignment);
    expect(await statusOf(call('GET', `/${VIEWER.id}/assignments/${assignment.id}`))).toBe(404);
    expect(await read(call('GET', `/${id}/assignments`))).toEqual({ assignments: [assignment], next: null });
    const bySubject = `?subject=${encodeURIComponent(subject)}`;
    expect(await read(call('GET', bySubject, undefined, {}, '/v1.0/assignments'))).toEqual({
      assignments: [assignment],
      next: null,
    });
    expect(await read(call('POST', `/${id}/assignments`, { subject }))).toMatchObject({
      status: 409,
      assignment_id: assignment.id,
    });
    expect(await read(call('DELETE', `/${id}`))).toMatchObject({
      status: 409,
      subjects: [subject],
      roles: [],
    });
    expect(await statusOf(call('DELETE', `/${VIEWER.id}/assignments/${assignment.id}`))).toBe(404);
    expect(await statusOf(call('DELETE', `/${id}/assignments/${assignment.id}`))).toBe(204);
    const heir = await create({ inheritance: { parent_roles: [id] } });
    expect(await read(call('DELETE', `/${id}`))).toMatchObject({
      status: 409,
      subjects: [],
      roles: [heir.id],
    });
    expect(await statusOf(call('DELETE', `/${heir.id}`))).toBe(204);
    expect(await statusOf(call('DELETE', `/${id}`))).toBe(204);
    for (const [body, pointer] of [
      [{}, '/subject'],
      [{ subject: 'ada' }, '/subject'],
      [{ subject: 'robot:1' }, '/subject'],
      [{ subject: 'agent:' }, '/subject'],
      [{ subject: 'agent:a b' }, '/subject'],
      [{ subject: 'agent:a', expires_at: 'tomorrow' }, '/expires_at'],
      [{ subject: 'agent:a', expires_at: '2020-01-01T00:00:00Z' }, '/expires_at'],
      [{ subject: 'agent:a', expires_at: '2999-02-31T00:00:61Z' }, '/expires_at'],
      [{ subject: 'agent:a', role: id }, '/role'],
    ] as const) {
      const refused = await call('POST', `/${VIEWER.id}/assignments`, body);
      expect([JSON.stringify(body), refused.status]).toEqual([JSON.stringify(body), 400]);
      expect(await refused.json()).toMatchObject({ errors: [{ pointer }] });
    }
  });

  it('say whether an agent may take up work, and what stands against it', async () => {
    const role = await create({
      name: 'worker',
      capabilities: [{ name: 'coding', type: 'skill', level: 'intermediate' }],
      permissions: [{ resource: 'execution', actions: ['execute'], conditions: { environment: ['test'] } }],
      constraints: {
        resource_limits: { max_concurrent_tasks: 2 },
        time_limits: { max_session_duration: '8h' },
      },
    });
    const subject = `agent:${randomUUID()}`;
    await call('POST', `/${role.id}/assignments`, { subject });
    const attributes = { environment: 'test' };
    const check = (more: object): Promise<Record<string, unknown>> =>
      read(call('POST', '/check', { subject, attributes, usage: { concurrent_tasks: 2 }, ...more }));
    expect(await check({})).toMatchObject({ allowed: true, roles: [role.id], missing_capabilities: [] });
    expect(await check({ usage: { concurrent_tasks: 3 } })).toMatchObject({
      allowed: false,
      decision: {
        reasons: [
          { rule: 'default' },
          { detail: expect.stringContaining('max_concurrent_tasks') as unknown },
        ],
      },
    });
    expect(await check({ usage: { session_duration: '9h' } })).toMatchObject({ allowed: false });
    expect(await check({ attributes: {} })).toMatchObject({ allowed: false });
    expect(await check({ resource: 'plan', action: 'write' })).toMatchObject({ allowed: false });
    const wanted = { name: 'coding', type: 'skill', level: 'expert' };
    expect(await check({ capabilities: [wanted] })).toMatchObject({
      allowed: false,
      decision: { allowed: true },
      missing_capabilities: [{ ...wanted, held: 'intermediate' }],
    });
    expect(await check({ capabilities: [{ name: 'coding', level: 'basic' }] })).toMatchObject({
      allowed: true,
    });
    expect(await check({ subject: 'agent:nobody' })).toMatchObject({ allowed: false, roles: [] });
    for (const [body, pointer] of [
      [{ subject: 1 }, '/subject'],
      [{ subject, usage: [] }, '/usage'],
      [{ subject, attributes: 1 }, '/attributes'],
      [{ subject, action: '' }, '/action'],
      [{ subject, capabilities: [{ name: 'x', level: 'constructor' }] }, '/capabilities/0/level'],
      [{ subject, capabilities: [1] }, '/capabilities/0'],
      [{ subject, constructor: 1 }, '/constructor'],
    ] as const) {
      const response = await call('POST', '/check', body);
      expect([JSON.stringify(body), response.status]).toEqual([JSON.stringify(body), 400]);
      expect(await response.json()).toMatchObject({ errors: [{ pointer }] });
    }
  });

  it('take or refuse whatever comes, and never fail on it', async () => {
    const { id } = await create();
    const samples: [method: string, base: string, path: string, good: Record<string, unknown>][] = [
      [
        'POST',
        '/v1.0/roles',
        '',
        {
          name: 'x',
          capabilities: [{ name: 'a', type: 'skill', level: 'basic' }],
          permissions: [
            { resource: 'plan', actions: ['read'], conditions: { a: { in: [1] } }, effect: 'deny' },
          ],
          constraints: { resource_limits: { max_tasks: 1 } },
          inheritance: { parent_roles: [VIEWER.id], overrides: [{ capability: 'a', level: 'expert' }] },
          metadata: {},
        },
      ],
      ['PUT', '/v1.0/roles', `/${id}`, { name: 'x', inheritance: { parent_roles: [VIEWER.id] } }],
      [
        'POST',
        '/v1.0/roles',
        `/${id}/inherit`,
        { parent_role_id: VIEWER.id, overrides: [{ resource: 'plan' }] },
      ],
      [
        'POST',
        '/v1.0/roles',
        `/${id}/assignments`,
        { subject: 'agent:x', expires_at: '2999-01-01T00:00:00Z' },
      ],
      [
        'POST',
        '/v1.0/roles',
        '/check',
        {
          subject: 'agent:x',
          resource: 'a',
          action: 'b',
          attributes: {},
          usage: { tasks: 1 },
          capabilities: [{ name: 'a' }],
        },
      ],
      ['POST', '/v1.0/api-keys', '', { subject: 'agent:x', name: 'x', expires_at: null, roles: [VIEWER.id] }],
    ];
    const statuses = new Set<number>();
    for (const [method, base, path, good] of samples)
      for (const [value, place] of fc.sample(fc.tuple(fc.jsonValue({ maxDepth: 3 }), fc.nat()), {
        numRuns: 120,
        seed: 7,
      })) {
        const body = withValue(good, place, value);
        const status = await statusOf(call(method, path, body, {}, base));
        expect([JSON.stringify(body), status < 500]).toEqual([JSON.stringify(body), true]);
        statuses.add(status);
      }
    expect([...statuses].sort()).toEqual(expect.arrayContaining([200, 201, 400]));
  });

  it('tell of their changes in the event log', async () => {
    const events = await fetch(`${engine.url}/v1.0/events?types=role.*,assignment.*,api_key.*`, {
      headers: { authorization: `Bearer ${engine.key}` },
    });
    const { id } = await create();
    await call('PUT', `/${id}`, { name: 'x' });
    await call('POST', `/${id}/inherit`, { parent_role_id: VIEWER.id });
    const assigned = (await read(call('POST', `/${id}/assignments`, { subject: 'agent:e' }))) as Document;
    await call('DELETE', `/${id}/assignments/${assigned.id}`);
    await call('DELETE', `/${id}`);
    let text = '';
    for await (const chunk of events.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString();
      if (text.includes('role.deleted')) break;
    }
    const types = [...text.matchAll(/"type":"([a-z_.]+)"/g)].map(([, type]) => type);
    expect(types).toEqual([
      'role.created',
      'role.updated',
      'role.inherited',
      'assignment.created',
      'assignment.deleted',
      'role.deleted',
    ]);
  });
});
