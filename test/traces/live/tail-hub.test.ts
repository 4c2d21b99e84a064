import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import {
  createTailHub,
  socketFrame,
  sseFrame,
  type TailHub,
  type TailSubscription,
} from '#dist/traces/live/index.js';

const AGENT = '6f1c2d3e-4b5a-4c6d-8e7f-901234567890';

/** One body of JSON spans, each matching the filters of `masks`. */
function publish(
  hub: TailHub,
  spans: readonly string[],
  masks: readonly number[],
  version = hub.version,
): void {
  const body = Buffer.from(`[${spans.join(',')}]`);
  const matches: number[] = [];
  let at = 1;
  spans.forEach((span, index) => {
    const bytes = Buffer.byteLength(span);
    matches.push(masks[index] ?? 1, at, at + bytes);
    at += bytes + 1;
  });
  hub.publish({
    form: 'json',
    body,
    matches: Uint32Array.from(matches),
    matchesDropped: new Uint32Array(),
    version,
  });
  body.fill(0);
}

function drain(subscription: TailSubscription): unknown[] {
  const seen: unknown[] = [];
  for (let event = subscription.next(); event !== undefined; event = subscription.next())
    seen.push(JSON.parse(socketFrame(event)));
  return seen;
}

test('nobody listens: no filters, and publishing does nothing', () => {
  const hub = createTailHub({ maxBufferedBytesPerSubscriber: 1024 });
  expect(hub.filters()).toEqual([]);
  publish(hub, ['{"a":1}'], [1]);
  expect(hub.subscribers).toBe(0);
});

test('subscribers with equal filters share one bit, whatever their number', () => {
  const hub = createTailHub({ maxBufferedBytesPerSubscriber: 1024 });
  const subscriptions = Array.from({ length: 100 }, () =>
    hub.subscribe({ projectId: 'p', agentId: AGENT }, () => {}),
  );
  expect(hub.filters()).toEqual([{ projectId: 'p', agentId: AGENT }]);
  publish(hub, ['{"a":1}'], [1]);
  for (const subscription of subscriptions) expect(drain(subscription)).toEqual([{ span: { a: 1 } }]);
  subscriptions.forEach((subscription) => subscription.close());
  expect(hub.filters()).toEqual([]);
});

test('a span goes to the subscribers whose bit is set, the highest bit included', () => {
  const hub = createTailHub({ maxBufferedBytesPerSubscriber: 1024 });
  const subscriptions = Array.from({ length: 32 }, (_, index) =>
    hub.subscribe({ projectId: 'p', action: `a${index}` }, () => {}),
  );
  publish(hub, ['{"n":0}', '{"n":1}', '{"n":2}'], [1, 0x8000_0000, 0x8000_0001]);
  expect(drain(subscriptions[0]!)).toEqual([{ span: { n: 0 } }, { span: { n: 2 } }]);
  expect(drain(subscriptions[1]!)).toEqual([]);
  expect(drain(subscriptions[31]!)).toEqual([{ span: { n: 1 } }, { span: { n: 2 } }]);
});

test('a 33rd different filter is refused, an equal one is not', () => {
  const hub = createTailHub({ maxBufferedBytesPerSubscriber: 1024 });
  const first = hub.subscribe({ projectId: 'p', action: 'a0' }, () => {});
  for (let i = 1; i < 32; i++) hub.subscribe({ projectId: 'p', action: `a${i}` }, () => {});
  expect(() => hub.subscribe({ projectId: 'p', action: 'one more' }, () => {})).toThrowError(
    expect.objectContaining({ code: 'MPLP_ERR_TRACES_TAIL_LIMIT', status: 429 }),
  );
  hub.subscribe({ projectId: 'p', action: 'a5' }, () => {}).close();
  first.close();
  hub.subscribe({ projectId: 'p', action: 'one more' }, () => {});
  expect(hub.filters()).toHaveLength(32);
});

test('a slow reader learns where and how much it missed; the others get everything', () => {
  const registry = new Registry();
  const hub = createTailHub({ maxBufferedBytesPerSubscriber: 30, registry });
  const slow = hub.subscribe({ projectId: 'p' }, () => {});
  const quick = hub.subscribe({ projectId: 'p' }, () => {});
  const seenByQuick: unknown[] = [];
  for (let n = 0; n < 10; n++) {
    publish(hub, [`{"n":${n}}`, `{"m":${n}}`], [1, 1]);
    seenByQuick.push(...drain(quick));
  }
  expect(seenByQuick).toHaveLength(20);
  expect(slow.next()).toMatchObject({ kind: 'span' });
  publish(hub, ['{"late":1}'], [1]);
  expect(drain(slow)).toEqual([{ span: { m: 0 } }, { span: { n: 1 } }, { span: { m: 1 } }, { missed: 17 }]);
  publish(hub, ['{"late":2}'], [1]);
  expect(drain(slow)).toEqual([{ span: { late: 2 } }]);
});

test('an empty queue takes a span larger than the bound', () => {
  const hub = createTailHub({ maxBufferedBytesPerSubscriber: 16 });
  const subscription = hub.subscribe({ projectId: 'p' }, () => {});
  const large = `{"text":"${'x'.repeat(100)}"}`;
  publish(hub, [large, '{"n":1}'], [1, 1]);
  expect(drain(subscription)).toEqual([{ span: JSON.parse(large) }, { missed: 1 }]);
});

test('spans beyond the limit of one body are counted as missed', () => {
  const hub = createTailHub({ maxBufferedBytesPerSubscriber: 1024 });
  const first = hub.subscribe({ projectId: 'p', action: 'a' }, () => {});
  const second = hub.subscribe({ projectId: 'p', action: 'b' }, () => {});
  hub.publish({
    form: 'json',
    body: new Uint8Array(),
    matches: new Uint32Array(),
    matchesDropped: Uint32Array.of(0, 7),
    version: hub.version,
  });
  expect(drain(first)).toEqual([]);
  expect(drain(second)).toEqual([{ missed: 7 }]);
});

test('bodies decoded under an earlier filter list still reach the right subscribers', () => {
  const hub = createTailHub({ maxBufferedBytesPerSubscriber: 1024 });
  const a = hub.subscribe({ projectId: 'p', action: 'a' }, () => {});
  const b = hub.subscribe({ projectId: 'p', action: 'b' }, () => {});
  const before = hub.version;
  a.close();
  const c = hub.subscribe({ projectId: 'p', action: 'c' }, () => {});
  publish(hub, ['{"for":"a"}', '{"for":"b"}'], [1, 2], before);
  expect(drain(b)).toEqual([{ span: { for: 'b' } }]);
  expect(drain(c)).toEqual([]);
  publish(hub, ['{"for":"c"}'], [2]);
  expect(drain(c)).toEqual([{ span: { for: 'c' } }]);
});

test('a body of a forgotten filter list is reported as missed, not lost in silence', () => {
  const hub = createTailHub({ maxBufferedBytesPerSubscriber: 1024 });
  const steady = hub.subscribe({ projectId: 'p' }, () => {});
  const old = hub.version;
  for (let i = 0; i < 600; i++) hub.subscribe({ projectId: 'p', action: 'x' }, () => {}).close();
  publish(hub, ['{"n":1}', '{"n":2}'], [1, 1], old);
  expect(drain(steady)).toEqual([{ missed: 2 }]);
});

test('onEvents is called once when events wait after none did', () => {
  const hub = createTailHub({ maxBufferedBytesPerSubscriber: 1024 });
  let calls = 0;
  const subscription = hub.subscribe({ projectId: 'p' }, () => calls++);
  publish(hub, ['{"n":1}', '{"n":2}'], [1, 1]);
  publish(hub, ['{"n":3}'], [1]);
  expect(calls).toBe(1);
  expect(drain(subscription)).toHaveLength(3);
  publish(hub, ['{"n":4}'], [1]);
  expect(calls).toBe(2);
});

test('frames are made once and shared', () => {
  const hub = createTailHub({ maxBufferedBytesPerSubscriber: 1024 });
  const [a, b] = [1, 2].map(() => hub.subscribe({ projectId: 'p' }, () => {}));
  publish(hub, ['{"n":1}'], [1]);
  const [first, second] = [a!.next()!, b!.next()!];
  expect(sseFrame(first)).toBe(sseFrame(second));
  expect(sseFrame(first).toString()).toBe('event: span\nid: 1\ndata: {"n":1}\n\n');
});

test('close ends every subscription and tells its owner', async () => {
  const hub = createTailHub({ maxBufferedBytesPerSubscriber: 1024 });
  let told = 0;
  const subscription = hub.subscribe({ projectId: 'p' }, () => told++);
  await hub.close();
  await hub.close();
  expect(subscription.closed).toBe(true);
  expect(told).toBe(1);
  expect(() => hub.subscribe({ projectId: 'p' }, () => {})).toThrowError(
    expect.objectContaining({ code: 'MPLP_ERR_TRACES_DRAINING' }),
  );
});

test('metrics: open tails and missed spans', async () => {
  const registry = new Registry();
  const hub = createTailHub({ maxBufferedBytesPerSubscriber: 1, registry });
  hub.subscribe({ projectId: 'p' }, () => {});
  publish(hub, ['{"n":1}', '{"n":2}', '{"n":3}'], [1, 1, 1]);
  const text = await registry.metrics();
  expect(text).toContain('mplp_tail_subscribers 1');
  expect(text).toContain('mplp_tail_missed_spans_total 2');
});
