import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  createWebhooks,
  type DeliveryLimits,
  type ResolveName,
  type Webhooks,
  type WebhookSettings,
} from '#dist/modules/webhooks/index.js';
import {
  ask,
  log,
  startTestPostgres,
  until,
  type TestPostgres,
} from '../../embedded/postgres/embedded-postgres.js';
import { openLog, type TestLog } from '../../store/events/logs.js';
import { hasGenuineSignature, startReceiver, type Receiver } from './receiver.js';

const quick: Partial<DeliveryLimits> = {
  timeoutMs: 1_000,
  retryMs: 20,
  maxRetryMs: 100,
  standbyMs: 100,
};

interface TestEngine extends TestLog {
  readonly webhooks: Webhooks;
}

describe('webhooks', () => {
  let postgres: TestPostgres;
  const engines: TestEngine[] = [];
  const receivers: Receiver[] = [];
  let project = '';
  beforeAll(async () => {
    postgres = await startTestPostgres();
  });
  afterEach(async () => {
    for (const engine of engines.splice(0)) await engine.close();
    for (const receiver of receivers.splice(0)) await receiver.close();
    await ask(postgres.server.url, 'TRUNCATE webhooks CASCADE');
  });
  afterAll(() => postgres.close());

  async function startEngine(
    more: { limits?: Partial<DeliveryLimits>; allowNetworks?: string[]; resolve?: ResolveName } = {},
  ): Promise<TestEngine> {
    project = `p-${randomUUID()}`;
    const opened = await openLog(() => postgres.server.url);
    const webhooks = createWebhooks({
      ...opened,
      log,
      allowNetworks: more.allowNetworks ?? ['127.0.0.0/8'],
      limits: { ...quick, ...more.limits },
      ...(more.resolve === undefined ? {} : { resolve: more.resolve }),
    });
    const engine: TestEngine = {
      ...opened,
      append: (event = {}) => opened.append({ projectId: project, ...event }),
      webhooks,
      async close() {
        await webhooks.close();
        await opened.close();
      },
    };
    engines.push(engine);
    return engine;
  }
  async function receive(): Promise<Receiver> {
    const receiver = await startReceiver();
    receivers.push(receiver);
    return receiver;
  }
  const settings = (url: string, types = ['context.*']): WebhookSettings => ({
    url,
    description: undefined,
    types,
    status: 'active',
  });
  const create = (engine: TestEngine, receiver: Receiver, types?: string[]) =>
    engine.webhooks.create(project, settings(receiver.url, types), 'tests');
  const idsOf = (receiver: Receiver) => receiver.received.map(({ id }) => id);
  const get = (engine: TestEngine, id: string) => engine.webhooks.get(project, id);
  const attempts = async (engine: TestEngine, id: string) =>
    (await engine.webhooks.deliveries(project, id, undefined, 100)).deliveries;

  it('are sent every matching event of their project, signed', async () => {
    const engine = await startEngine();
    const receiver = await receive();
    const { id, secret } = await create(engine, receiver);
    const first = await engine.append({ data: { text: 'ü' }, version: 3, actor: undefined });
    await engine.append({ projectId: 'another' });
    await engine.append({ type: 'role.created' });
    const last = await engine.append();
    await until(() => receiver.received.length === 2);
    expect(idsOf(receiver)).toEqual([first, last]);
    const [one] = receiver.received;
    expect(one?.event).toMatchObject({
      id: first,
      type: 'context.updated',
      version: 3,
      data: { text: 'ü' },
      actor: null,
    });
    expect(one?.event.timestamp).toBe(one?.event.time);
    expect(one?.headers['content-type']).toBe('application/json');
    expect(Math.abs(Number(one?.headers['webhook-timestamp']) - Date.now() / 1000)).toBeLessThan(60);
    for (const each of receiver.received) {
      expect(hasGenuineSignature(secret, each)).toBe(true);
      expect(hasGenuineSignature(secret, { ...each, body: `${each.body} ` })).toBe(false);
      expect(hasGenuineSignature(`whsec_${Buffer.alloc(32).toString('base64')}`, each)).toBe(false);
    }
    await until(async () => (await attempts(engine, id)).length === 2);
    expect((await attempts(engine, id)).map(({ eventId, outcome }) => [eventId, outcome])).toEqual([
      [last, 'delivered'],
      [first, 'delivered'],
    ]);
  });

  it('get a failed event again, in order for each subject, and report success afterwards', async () => {
    const engine = await startEngine();
    const receiver = await receive();
    const failures = new Map<string, number>();
    receiver.answer = ({ id }, response) => {
      const failed = failures.get(id) ?? 0;
      failures.set(id, failed + 1);
      response.writeHead(failed < 2 && Number(id.split('-')[1]) % 3 === 0 ? 500 : 200).end('ok');
    };
    const webhook = await create(engine, receiver);
    const subjects = [randomUUID(), randomUUID(), randomUUID()];
    const ids: string[] = [];
    for (let n = 0; n < 30; n++)
      ids.push(await engine.append({ subjectId: subjects[n % 3] as string, version: n + 1 }));
    const succeeded = () =>
      receiver.received.filter(({ id }, at) => receiver.received.findLastIndex((r) => r.id === id) === at);
    await until(
      () =>
        new Set(idsOf(receiver)).size === 30 &&
        succeeded().length === 30 &&
        [...failures].every(([id, n]) => n === (Number(id.split('-')[1]) % 3 === 0 ? 3 : 1)),
    );
    for (const subject of subjects) {
      // Each version may be repeated, and none comes before the one that it follows.
      const versions = receiver.received
        .filter(({ event }) => event.subject_id === subject)
        .map(({ event }) => event.version);
      expect(versions).toEqual([...versions].sort((a, b) => a - b));
      expect(new Set(versions).size).toBe(10);
    }
    await until(async () => (await get(engine, webhook.id)).failureCount === 0);
    expect(await get(engine, webhook.id)).toMatchObject({ status: 'active', failingSince: undefined });
  });

  it('that fail hold up no other ones, and are switched off when they fail for long', async () => {
    const engine = await startEngine({ limits: { disableAfterMs: 400 } });
    const [bad, hanging, good, watcher] = [
      await receive(),
      await receive(),
      await receive(),
      await receive(),
    ];
    bad.answer = (_, response) => void response.writeHead(500).end();
    hanging.answer = () => undefined;
    const failing = await create(engine, bad);
    await create(engine, hanging);
    await create(engine, good);
    await create(engine, watcher, ['webhook.disabled']);
    const ids: string[] = [];
    for (let n = 0; n < 20; n++) ids.push(await engine.append());
    await until(() => good.received.length === 20);
    expect(new Set(idsOf(good))).toEqual(new Set(ids));
    await until(async () => (await get(engine, failing.id)).status === 'disabled');
    expect(await get(engine, failing.id)).toMatchObject({ disabledReason: 'failing', version: 2 });
    await until(() => watcher.received.some(({ event }) => event.subject_id === failing.id));
    expect(watcher.received.find(({ event }) => event.subject_id === failing.id)?.event).toMatchObject({
      type: 'webhook.disabled',
      version: 2,
      actor: null,
      data: { status: 'disabled', disabled_reason: 'failing' },
    });
    // Switched on again, it gets what it has missed.
    bad.answer = (_, response) => void response.writeHead(200).end();
    bad.received.length = 0;
    await engine.webhooks.update(project, failing.id, settings(bad.url), 2, 'tests');
    await until(() => new Set(idsOf(bad)).size === 20);
  });

  it('are switched off by a 410 at once', async () => {
    const engine = await startEngine();
    const receiver = await receive();
    receiver.answer = (_, response) => void response.writeHead(410).end();
    const webhook = await create(engine, receiver);
    await engine.append();
    await until(async () => (await get(engine, webhook.id)).status === 'disabled');
    expect((await get(engine, webhook.id)).disabledReason).toBe('gone');
    await engine.append();
    const other = await receive();
    await create(engine, other);
    const last = await engine.append();
    await until(() => idsOf(other).includes(last));
    expect(receiver.received).toHaveLength(1);
  });

  it.each([
    ['seconds', () => '2'],
    ['a date', () => new Date(Date.now() + 2_500).toUTCString()],
  ])('wait as long as Retry-After asks for in %s', async (_, header) => {
    const engine = await startEngine();
    const receiver = await receive();
    const at: number[] = [];
    receiver.answer = (_received, response) => {
      at.push(performance.now());
      if (at.length === 1) response.writeHead(503, { 'retry-after': header() }).end();
      else response.writeHead(200).end();
    };
    await create(engine, receiver);
    await engine.append();
    await until(() => at.length === 2);
    // Without the header it would be 20 ms.
    expect((at[1] as number) - (at[0] as number)).toBeGreaterThan(1_000);
  });

  it('do not follow redirects', async () => {
    const engine = await startEngine();
    const [receiver, elsewhere] = [await receive(), await receive()];
    receiver.answer = (_, response) => void response.writeHead(307, { location: elsewhere.url }).end();
    const webhook = await create(engine, receiver);
    await engine.append();
    await until(() => receiver.received.length >= 2);
    expect(elsewhere.received).toEqual([]);
    expect((await attempts(engine, webhook.id))[0]).toMatchObject({
      outcome: 'failed',
      statusCode: 307,
      error: expect.stringContaining('redirects are not followed') as string,
    });
  });

  it('survive answers that never end, come as no HTTP, or are cut', async () => {
    const engine = await startEngine({ limits: { timeoutMs: 500 } });
    const receiver = await receive();
    let answers = 0;
    receiver.answer = (_, response) => {
      answers++;
      if (answers === 1) return void response.socket?.destroy();
      if (answers === 2) return void response.socket?.end('SSH-2.0-OpenSSH_9.2\r\n\r\n');
      if (answers === 3) {
        // A status, and a body without end: the status is what counts.
        response.writeHead(200);
        const timer = setInterval(() => response.write(Buffer.alloc(256 * 1024)), 1);
        return void response.on('close', () => clearInterval(timer));
      }
      response.writeHead(200);
      response.write('slow');
    };
    const webhook = await create(engine, receiver);
    await engine.append();
    await engine.append();
    await until(async () => (await attempts(engine, webhook.id)).length >= 4);
    expect((await attempts(engine, webhook.id)).map(({ outcome }) => outcome)).toEqual([
      'delivered',
      'delivered',
      'failed',
      'failed',
    ]);
  });

  it('go on at their cursor after a restart, and keep to their record of failures', async () => {
    const first = await startEngine({ limits: { retryMs: 60_000, maxRetryMs: 60_000 } });
    const owner = project;
    const receiver = await receive();
    const { id } = await create(first, receiver);
    const done = await first.append();
    await until(async () => (await attempts(first, id)).length === 1);
    receiver.answer = (_, response) => void response.writeHead(500).end();
    const failed = await first.append();
    await until(async () => (await get(first, id)).failureCount === 1);
    await engines.splice(0)[0]?.close();

    receiver.answer = (_, response) => void response.writeHead(200).end();
    const second = await startEngine();
    project = owner;
    const later = await second.append();
    await until(() => second.webhooks.isDelivering);
    // It waits as the first one would have.
    expect(idsOf(receiver)).toEqual([done, failed]);
    await ask(postgres.server.url, `UPDATE webhooks SET retry_at = now() WHERE id = '${id}'`);
    await engines.splice(0)[0]?.close();
    const third = await startEngine();
    project = owner;
    await until(() => idsOf(receiver).includes(later));
    expect(idsOf(receiver)).toEqual([done, failed, failed, later]);
    expect(third.webhooks.isDelivering).toBe(true);
  });

  it('are delivered by one engine of two, and by the other when that one is gone', async () => {
    const first = await startEngine();
    const owner = project;
    const receiver = await receive();
    await create(first, receiver);
    await until(() => first.webhooks.isDelivering);
    const second = await startEngine();
    project = owner;
    await until(async () => {
      const rows = await ask(
        postgres.server.url,
        `SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_try_advisory_lock%' AND pid <> pg_backend_pid()`,
      );
      return rows.length === 2;
    });
    const ids: string[] = [];
    for (let n = 0; n < 20; n++) ids.push(await (n % 2 === 0 ? first : second).append());
    await until(() => receiver.received.length >= 20);
    expect(second.webhooks.isDelivering).toBe(false);
    expect([...idsOf(receiver)].sort()).toEqual([...ids].sort());
    // The connection that holds the lock breaks: whoever gets it next delivers, and nobody else.
    await ask(
      postgres.server.url,
      `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 1 AND granted`,
    );
    await until(() => first.webhooks.isDelivering || second.webhooks.isDelivering);
    const between = await second.append();
    await until(() => idsOf(receiver).includes(between));
    await engines.splice(0, 1)[0]?.close();
    await until(() => second.webhooks.isDelivering);
    const last = await second.append();
    await until(() => idsOf(receiver).includes(last));
    // At least once; the cursors make more than once rare.
    expect(new Set(idsOf(receiver))).toEqual(new Set([...ids, between, last]));
  });

  it('go on when Postgres dies while they are being delivered', async () => {
    const engine = await startEngine();
    const receiver = await receive();
    await create(engine, receiver);
    const ids: string[] = [];
    for (let n = 0; n < 60; n++) {
      if (n === 30) process.kill(postgres.server.pid as number, 'SIGKILL');
      await engine.append().then(
        (id) => ids.push(id),
        () => new Promise((resolve) => setTimeout(resolve, 20)),
      );
    }
    await until(() => postgres.server.state === 'up');
    await until(() =>
      engine.append().then(
        (id) => ids.push(id) > 0,
        () => false,
      ),
    );
    await until(() => ids.every((id) => idsOf(receiver).includes(id)));
  });

  it('that are changed or deleted are so at once', async () => {
    const engine = await startEngine();
    const [old, next] = [await receive(), await receive()];
    const webhook = await create(engine, old);
    const one = await engine.append();
    await until(() => idsOf(old).includes(one));
    await engine.webhooks.update(project, webhook.id, settings(next.url), webhook.version, 'tests');
    // Committed after the change, so it goes by the change, however soon it comes.
    const two = await engine.append();
    await until(() => idsOf(next).includes(two));
    expect(idsOf(old)).toEqual([one]);
    const other = await receive();
    await create(engine, other, ['role.*']);
    await engine.webhooks.remove(project, webhook.id, undefined, 'tests');
    const three = await engine.append();
    const four = await engine.append({ type: 'role.created' });
    await until(() => idsOf(other).includes(four));
    expect(idsOf(next)).toEqual([two]);
    expect(idsOf(other)).not.toContain(three);
  });

  it('that missed events which were removed say so among their deliveries', async () => {
    const engine = await startEngine();
    const receiver = await receive();
    const { id } = await engine.webhooks.create(
      project,
      { ...settings(receiver.url), status: 'disabled' },
      'tests',
    );
    const lost = await engine.append();
    const [transaction, sequence] = lost.split('-');
    await ask(postgres.server.url, `DELETE FROM outbox WHERE sequence <= ${sequence}`);
    await ask(
      postgres.server.url,
      `UPDATE outbox_horizon SET transaction_id = '${transaction}', sequence = ${sequence}`,
    );
    await engine.webhooks.update(project, id, settings(receiver.url), undefined, 'tests');
    const kept = await engine.append();
    await until(() => idsOf(receiver).includes(kept));
    await until(async () => (await attempts(engine, id)).some(({ outcome }) => outcome === 'missed'));
    expect(idsOf(receiver)).toEqual([kept]);
  });

  it('keep the last attempts and no more', async () => {
    const engine = await startEngine();
    const receiver = await receive();
    const { id } = await create(engine, receiver);
    for (let n = 0; n < 130; n++) await engine.append();
    await until(() => new Set(idsOf(receiver)).size === 130);
    const count = async () =>
      Number(
        (await ask<{ n: string }>(postgres.server.url, 'SELECT count(*) AS n FROM webhook_deliveries'))[0]?.n,
      );
    await until(async () => (await count()) === 100);
    const page = await engine.webhooks.deliveries(project, id, undefined, 60);
    const rest = await engine.webhooks.deliveries(project, id, page.next, 60);
    expect([page.deliveries.length, rest.deliveries.length, rest.next]).toEqual([60, 40, undefined]);
  });

  it('reach no address that is not public, whatever its name said before', async () => {
    // The far end: a service on loopback that anybody can reach, and a name server that changes its mind.
    let connections = 0;
    const service = createServer((socket) => {
      connections++;
      socket.destroy();
    }).listen(0, '127.0.0.1');
    await once(service, 'listening');
    const { port } = service.address() as AddressInfo;
    let answers: readonly string[] = ['192.0.2.1'];
    const engine = await startEngine({ allowNetworks: ['192.0.2.0/24'], resolve: async () => answers });
    for (const host of ['127.0.0.1', '127.1', '2130706433', '[::1]', '[::ffff:7f00:1]'])
      await expect(
        engine.webhooks.create(project, settings(`http://${host}:${port}/`), 'tests'),
      ).rejects.toMatchObject({ status: 400, errors: [{ pointer: '/url' }] });
    const { id } = await engine.webhooks.create(project, settings(`http://rebound.test:${port}/`), 'tests');
    for (const bad of [['127.0.0.1'], ['::ffff:127.0.0.1'], ['192.0.2.1', '127.0.0.1'], ['::1']]) {
      answers = bad;
      const result = await engine.webhooks.test(project, id, 'tests', new AbortController().signal);
      expect(result).toMatchObject({
        isDelivered: false,
        error: expect.stringContaining('not public') as string,
      });
      expect(result.error).not.toContain('127');
    }
    await engine.append();
    await until(async () => (await get(engine, id)).failureCount > 1);
    expect(connections).toBe(0);
    service.close();
  });

  it('that are tested tell how it went, past what waits', async () => {
    const engine = await startEngine({ limits: { retryMs: 60_000, maxRetryMs: 60_000 } });
    const receiver = await receive();
    receiver.answer = (_, response) => void response.writeHead(500).end();
    const { id, secret } = await create(engine, receiver);
    await engine.append();
    await until(async () => (await get(engine, id)).failureCount === 1);
    const test = () => engine.webhooks.test(project, id, 'somebody', new AbortController().signal);
    expect(await test()).toMatchObject({ isDelivered: false, statusCode: 500 });
    receiver.answer = (_, response) => void response.writeHead(202).end();
    expect(await test()).toMatchObject({ isDelivered: true, statusCode: 202 });
    const last = receiver.received.at(-1);
    expect(last?.event).toMatchObject({ type: 'webhook.test', subject_id: id, actor: 'somebody', data: {} });
    expect(last !== undefined && hasGenuineSignature(secret, last)).toBe(true);
    await receiver.close();
    receivers.length = 0;
    expect(await test()).toMatchObject({ isDelivered: false, error: 'the request failed (ECONNREFUSED)' });
  });
});
