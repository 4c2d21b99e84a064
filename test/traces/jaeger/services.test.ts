import { afterAll, beforeAll, expect, test } from 'vitest';
import { EPOCH, noSignal, spanOf, uuid } from '../query/fixture.js';
import { startJaegerStored, type JaegerStored } from './fixture.js';

let stored: JaegerStored;
beforeAll(async () => (stored = await startJaegerStored()));
afterAll(() => stored.close());

const DAY_MS = 86_400_000;
const window = { fromMs: EPOCH - DAY_MS, toMs: EPOCH + DAY_MS };

test('services and operations', async () => {
  await stored.put([
    spanOf({ span: 1, agent: 2, action: 'b', startMs: 0 }),
    spanOf({ span: 2, agent: 2, action: 'a', startMs: 0, type: 'invoke' }),
    spanOf({ span: 3, agent: 2, action: 'a', startMs: 0, type: 'validate' }),
    spanOf({ span: 4, agent: 1, action: 'c', startMs: 0, tags: { 'service.name': 'a/b c' } }),
    spanOf({ span: 5, agent: 1, action: 'd', startMs: 0, tags: { 'service.name': 'named' } }),
  ]);
  await stored.put([spanOf({ span: 1, agent: 2, action: 'b', startMs: 0, endMs: 1 })]);
  const { jaeger } = stored;
  expect(await jaeger.services('default', noSignal)).toEqual(['a/b c', uuid('d', 2), 'named']);
  expect(await jaeger.services('nobody', noSignal)).toEqual([]);
  const operations = (service: string, kind = '') => jaeger.operations('default', service, kind, noSignal);
  expect(await operations(uuid('d', 2))).toEqual([
    { name: 'a', spanKind: 'client' },
    { name: 'a', spanKind: 'internal' },
    { name: 'b', spanKind: 'internal' },
  ]);
  expect(await operations(uuid('d', 2), 'client')).toEqual([{ name: 'a', spanKind: 'client' }]);
  expect(await operations(uuid('d', 2), 'server')).toEqual([]);
  expect(await operations('a/b c')).toEqual([{ name: 'c', spanKind: 'internal' }]);
  expect(await operations(uuid('d', 1))).toEqual([]);
  expect(await operations("' OR 1=1 --")).toEqual([]);
});

test('the lists and the search agree on what a service is', async () => {
  for (const service of await stored.jaeger.services('default', noSignal)) {
    const { data } = await stored.search(`service=${encodeURIComponent(service)}`);
    const names = data.flatMap(({ processes }) =>
      Object.values(processes).map((process) => process.serviceName),
    );
    expect(names).toContain(service);
  }
});

test('dependencies: calls across services, each span once, none within a service', async () => {
  const projectId = 'calls';
  const named = (name: string) => ({ tags: { 'service.name': name } });
  await stored.put(
    [
      spanOf({ trace: 1, span: 1, startMs: 0, ...named('web') }),
      spanOf({ trace: 1, span: 2, parent: 1, startMs: 1, ...named('cart') }),
      spanOf({ trace: 1, span: 3, parent: 1, startMs: 2, ...named('cart') }),
      spanOf({ trace: 1, span: 4, parent: 2, startMs: 3, ...named('cart') }),
      spanOf({ trace: 1, span: 5, parent: 4, startMs: 4, ...named('db') }),
      spanOf({ trace: 2, span: 1, startMs: 5, ...named('web') }),
      spanOf({ trace: 2, span: 2, parent: 1, startMs: 6, ...named('cart') }),
      spanOf({ trace: 2, span: 3, parent: 77, startMs: 6, ...named('cart') }),
      spanOf({ trace: 3, span: 2, parent: 1, startMs: 6, ...named('db') }),
    ],
    { projectId },
  );
  // Sent again with its end: still one call.
  await stored.put([spanOf({ trace: 1, span: 2, parent: 1, startMs: 1, endMs: 9, ...named('cart') })], {
    projectId,
  });
  const { jaeger } = stored;
  expect(await jaeger.dependencies(projectId, window, noSignal)).toEqual([
    { parent: 'cart', child: 'db', callCount: 1 },
    { parent: 'web', child: 'cart', callCount: 3 },
  ]);
  expect(await jaeger.dependencies('nobody', window, noSignal)).toEqual([]);
  expect(await jaeger.dependencies(projectId, { fromMs: EPOCH + 5, toMs: EPOCH + 6 }, noSignal)).toEqual([
    { parent: 'web', child: 'cart', callCount: 1 },
  ]);
  expect(
    await jaeger.dependencies(projectId, { fromMs: EPOCH + 100, toMs: EPOCH + DAY_MS }, noSignal),
  ).toEqual([]);
});
