import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseSpanPageRequest } from '#dist/traces/query/index.js';
import { noSignal, spanOf, startStored, textOf, uuid, type SpanSketch, type Stored } from './fixture.js';

let stored: Stored;
beforeAll(async () => (stored = await startStored()));
afterAll(() => stored.close());

interface TreeSpan {
  span_id: string;
  children?: TreeSpan[];
  orphan?: boolean;
  cycle?: boolean;
  continued?: boolean;
  [member: string]: unknown;
}

interface Page {
  trace_id: string;
  total_spans: number;
  truncated: boolean;
  next: string | null;
  spans: TreeSpan[];
}

async function page(trace: number, query = ''): Promise<Page> {
  const request = parseSpanPageRequest(new URLSearchParams(query));
  return JSON.parse(
    await textOf(await stored.queries.spans('default', uuid('a', trace), request, noSignal)),
  ) as Page;
}

async function pages(trace: number, query: string): Promise<Page[]> {
  const all: Page[] = [await page(trace, query)];
  for (let next = all[0]!.next; next !== null; next = all.at(-1)!.next)
    all.push(await page(trace, `${query}&cursor=${next}`));
  return all;
}

async function put(trace: number, sketches: readonly Omit<SpanSketch, 'trace'>[]): Promise<void> {
  await stored.put(sketches.map((sketch) => spanOf({ ...sketch, trace })));
}

/** A tree as nested span numbers with its marks: `[1, [2, 3], 'cycle']`. */
function shape(spans: readonly TreeSpan[]): unknown[] {
  return spans.map((span) => {
    const number = Number(span.span_id.slice(-12));
    const marks = (['orphan', 'cycle', 'continued'] as const).filter((mark) => span[mark] === true);
    const children = shape(span.children ?? []);
    return children.length + marks.length === 0
      ? number
      : [number, ...(children.length === 0 ? [] : [children]), ...marks];
  });
}

describe('flat', () => {
  test('ordered by start, ties by span id; pages join to the whole', async () => {
    await put(
      1,
      [5, 3, 9, 1, 7]
        .map((span) => ({ span, startMs: span === 9 ? 1 : span }))
        .concat({ span: 4, startMs: 3 }),
    );
    const whole = await page(1);
    expect(whole).toMatchObject({ trace_id: uuid('a', 1), total_spans: 6, truncated: false, next: null });
    expect(shape(whole.spans)).toEqual([1, 9, 3, 4, 5, 7]);
    const parts = await pages(1, 'limit=2');
    expect(parts.map((part) => shape(part.spans))).toEqual([
      [1, 9],
      [3, 4],
      [5, 7],
    ]);
    expect(parts.map((part) => part.truncated)).toEqual([true, true, false]);
    expect(parts.map((part) => part.total_spans)).toEqual([6, 6, 6]);
    expect(parts.flatMap((part) => part.spans)).toEqual(whole.spans);
  });

  test('fields=narrow leaves payloads out', async () => {
    await put(2, [
      {
        span: 1,
        startMs: 0,
        status: 'failure',
        parameters: { a: 1 },
        output: { b: 2 },
        error: { c: 3 },
        tags: { d: 'e' },
        members: { f: 4 },
      },
    ]);
    const [narrow] = (await page(2, 'fields=narrow')).spans;
    expect(narrow).toEqual({
      ...spanOf({ trace: 2, span: 1, startMs: 0 }),
      result: { status: 'failure', error: { c: 3 } },
    });
  });

  test('an unknown trace is a 404, also in the tree, in other projects and for exports', async () => {
    const request = parseSpanPageRequest(new URLSearchParams());
    const notFound = expect.objectContaining({ code: 'MPLP_ERR_TRACES_NOT_FOUND', status: 404 }) as Error;
    await expect(page(404)).rejects.toEqual(notFound);
    await expect(page(404, 'view=tree')).rejects.toEqual(notFound);
    await expect(stored.queries.spans('other', uuid('a', 1), request, noSignal)).rejects.toEqual(notFound);
    await expect(stored.queries.exportTrace('default', uuid('a', 404), 'ndjson', noSignal)).rejects.toEqual(
      notFound,
    );
    await expect(stored.queries.exportTrace('default', uuid('a', 404), 'parquet', noSignal)).rejects.toEqual(
      notFound,
    );
  });

  test.each(['limit=0', 'limit=10001', 'limit=x', 'view=graph', 'fields=some', 'size=5', 'limit=1&limit=2'])(
    '?%s is a 400',
    (query) => {
      expect(() => parseSpanPageRequest(new URLSearchParams(query))).toThrowError(
        expect.objectContaining({ code: 'MPLP_ERR_HTTP_BAD_REQUEST' }),
      );
    },
  );

  test.each([
    'x',
    'c3BhbnM',
    Buffer.from('spans 1 x').toString('base64url'),
    Buffer.from("spans 1') OR (1=1").toString('base64url'),
  ])('the cursor %s is a 400', async (cursor) => {
    const bad = expect.objectContaining({ code: 'MPLP_ERR_HTTP_BAD_REQUEST' }) as Error;
    await expect(page(1, `cursor=${cursor}`)).rejects.toEqual(bad);
    await expect(page(1, `view=tree&cursor=${cursor}`)).rejects.toEqual(bad);
  });
});

describe('tree', () => {
  test('children nest under their parents, by start', async () => {
    await put(10, [
      { span: 1, startMs: 0 },
      { span: 2, parent: 1, startMs: 10 },
      { span: 3, parent: 1, startMs: 5 },
      { span: 4, parent: 3, startMs: 6 },
      { span: 5, startMs: 2 },
    ]);
    const tree = await page(10, 'view=tree');
    expect(tree).toMatchObject({ total_spans: 5, truncated: false, next: null });
    expect(shape(tree.spans)).toEqual([[1, [[3, [4]], 2]], 5]);
    expect(tree.spans[1]).toEqual({ ...spanOf({ trace: 10, span: 5, startMs: 2 }), children: [] });
  });

  test('orphans stand among the roots, marked; their subtrees stay', async () => {
    await put(11, [
      { span: 1, startMs: 3 },
      { span: 2, parent: 99, startMs: 1 },
      { span: 3, parent: 2, startMs: 2 },
    ]);
    expect(shape((await page(11, 'view=tree')).spans)).toEqual([[2, [3], 'orphan'], 1]);
  });

  test('circles are cut at their earliest span and marked, also a span that is its own parent', async () => {
    await put(12, [
      { span: 1, parent: 3, startMs: 5 },
      { span: 2, parent: 1, startMs: 4 },
      { span: 3, parent: 2, startMs: 6 },
      { span: 4, parent: 3, startMs: 1 },
      { span: 5, parent: 5, startMs: 7 },
      { span: 6, startMs: 0 },
    ]);
    expect(shape((await page(12, 'view=tree')).spans)).toEqual([
      6,
      [2, [[3, [4, 1]]], 'cycle'],
      [5, 'cycle'],
    ]);
  });

  test("a client's own members of the view's names give way, in the tree only", async () => {
    await put(13, [{ span: 1, startMs: 0, members: { children: 'mine', orphan: 1, other: 2 } }]);
    expect((await page(13)).spans[0]).toMatchObject({ children: 'mine', orphan: 1, other: 2 });
    expect((await page(13, 'view=tree')).spans[0]).toEqual({
      ...spanOf({ trace: 13, span: 1, startMs: 0, members: { other: 2 } }),
      children: [],
    });
  });

  test('pages are runs of the depth-first order; put together they are the tree', async () => {
    const sketches = Array.from({ length: 40 }, (_, index) => ({
      span: index + 1,
      startMs: index,
      ...(index === 0 ? {} : { parent: Math.floor((index - 1) / 3) + 1 }),
    }));
    await put(14, sketches);
    const whole = await page(14, 'view=tree');
    for (const limit of [1, 2, 7, 39, 40]) {
      const parts = await pages(14, `view=tree&limit=${limit}`);
      expect(parts.map((part) => part.truncated)).toEqual(parts.map((_, index) => index < parts.length - 1));
      expect(joined(parts)).toEqual(whole.spans);
    }
  });
});

/** Hangs each page's continued spans under their parents, as the documentation says. */
function joined(parts: readonly Page[]): TreeSpan[] {
  const roots: TreeSpan[] = [];
  const byId = new Map<string, TreeSpan>();
  const visit = (span: TreeSpan) => {
    byId.set(span.span_id, span);
    span.children?.forEach(visit);
  };
  for (const part of parts) {
    for (const { continued, ...span } of part.spans) {
      if (continued === true) byId.get(String(span['parent_span_id']))!.children!.push(span as TreeSpan);
      else roots.push(span as TreeSpan);
      visit(span as TreeSpan);
    }
  }
  return roots;
}

test('a trace of 100,000 spans, a chain as deep as that among them, comes page by page', async () => {
  const total = 100_000;
  for (let from = 1; from <= total; from += 20_000)
    await put(
      20,
      Array.from({ length: 20_000 }, (_, i) => ({
        span: from + i,
        startMs: from + i,
        ...(from + i === 1 ? {} : { parent: from + i - 1 }),
      })),
    );
  const seen = new Set<string>();
  for (const part of await pages(20, 'limit=10000&fields=narrow')) {
    expect(part.total_spans).toBe(total);
    for (const span of part.spans) seen.add(span.span_id);
  }
  expect(seen.size).toBe(total);
  const tree = await page(20, 'view=tree&limit=10000&fields=narrow');
  let depth = 0;
  for (let span: TreeSpan | undefined = tree.spans[0]; span !== undefined; span = span.children?.[0])
    depth += 1;
  expect(depth).toBe(10_000);
  let lines = 0;
  for await (const piece of await stored.queries.exportTrace('default', uuid('a', 20), 'ndjson', noSignal))
    lines += String(piece).split('\n').length - 1;
  expect(lines).toBe(total);
}, 60_000);
