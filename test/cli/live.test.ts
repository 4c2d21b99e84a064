import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { encode } from '@msgpack/msgpack';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createClient, createSocketSender, type Span } from '#dist/client/index.js';
import { runCli, startCli, type CliOptions } from '../support/cli-process.js';
import { startEngine, type EngineProcess } from '../support/engine-process.js';

let engine: EngineProcess;
let folder: string;
let serial = 0;
beforeAll(async () => {
  [engine, folder] = await Promise.all([startEngine(), mkdtemp(join(tmpdir(), 'mplp-live-'))]);
});
afterAll(async () => {
  expect(await engine.close()).toBe(0);
  await rm(folder, { recursive: true, force: true });
});

const uuid = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const newTrace = (): string => uuid(1_000_000 + ++serial);

function span(traceId: string, number: number, more: Partial<Span> = {}): Span {
  return {
    trace_id: traceId,
    span_id: uuid(number),
    context_id: uuid(7),
    agent_id: uuid(8),
    action: { name: `step ${number}`, type: 'execute' },
    timestamp: { start: new Date(Date.now() - 1000).toISOString(), end: new Date().toISOString() },
    ...more,
  };
}

const spansOf = (traceId: string, count: number): Span[] =>
  Array.from({ length: count }, (_, i) => span(traceId, i + 1));
/** The same connection options as a user would give. */
const mplp = (args: string[], options: CliOptions = {}) =>
  runCli([...args, '--url', engine.url, '--data-dir', engine.dataDir], options);
const client = () => createClient({ url: engine.url, key: engine.key });

/** Spans become queryable a moment after they are acknowledged. */
async function storedSpans(traceId: string, atLeast: number): Promise<number> {
  const sql = `SELECT count() FROM spans WHERE trace_id = '${traceId}'`;
  for (;;) {
    const { stdout, stderr, code } = await mplp(['query', sql, '--format', 'csv']);
    if (code !== 0) throw new Error(stderr);
    const count = Number(stdout.trim().split('\n').at(-1));
    if (count >= atLeast) return count;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

describe('ingest', () => {
  it.each(['ndjson', 'ndjson.gz', 'json', 'json.gz', 'msgpack', 'msgpack.gz'])(
    'sends every span of a .%s file',
    async (extension) => {
      const trace = newTrace();
      const spans = spansOf(trace, 250);
      const plain = extension.startsWith('ndjson')
        ? Buffer.from(spans.map((s) => `${JSON.stringify(s)}\n`).join(''))
        : extension.startsWith('json')
          ? Buffer.from(JSON.stringify(spans, null, 2))
          : Buffer.from(encode(spans));
      const path = await file(`all.${extension}`, extension.endsWith('.gz') ? gzipSync(plain) : plain);
      const { code, stdout, stderr } = await mplp(['ingest', path, '--batch-spans', '60']);
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(/^accepted 250, rejected 0, duplicates 0 /);
      expect(await storedSpans(trace, 250)).toBe(250);
      expect(existsSync(`${path}.mplp-progress`)).toBe(false);
    },
  );

  it('reads standard input', async () => {
    const trace = newTrace();
    const input = spansOf(trace, 3)
      .map((s) => JSON.stringify(s))
      .join('\n');
    const { code, stdout } = await mplp(['ingest', '-'], { input });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^accepted 3,/);
  });

  it('tells what is wrong with rejected spans, by line, and exits with 3', async () => {
    const trace = newTrace();
    const lines = spansOf(trace, 6).map((s) => JSON.stringify(s));
    lines[1] = '';
    lines[2] = JSON.stringify({ ...span(trace, 3), agent_id: 'not-a-uuid' });
    lines[4] = '{"broken": ';
    const path = await file('faulty.ndjson', lines.join('\n'));
    const { code, stdout, stderr } = await mplp(['ingest', path, '--batch-spans', '2']);
    expect(code).toBe(3);
    expect(stdout).toMatch(/^accepted 3, rejected 2,/);
    expect(stderr).toMatch(/^line 3: \/agent_id /m);
    expect(stderr).toMatch(/^line 5: /m);

    const rejects = join(folder, 'rejects.ndjson');
    const again = await mplp(['ingest', path, '--rejects', rejects]);
    expect(again.code).toBe(3);
    const written = (await readFile(rejects, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { line: number; errors: { pointer: string }[] });
    expect(written.map(({ line }) => line)).toEqual([3, 5]);
    expect(written[0]?.errors[0]?.pointer).toBe('/agent_id');
  });

  it('finds the one broken span of a JSON array', async () => {
    const trace = newTrace();
    const items = spansOf(trace, 9).map((s) => JSON.stringify(s));
    items[6] = '{"a": tru}';
    const path = await file('one-broken.json', `[\n${items.join(',\n')}\n]`);
    const { code, stdout, stderr } = await mplp(['ingest', path]);
    expect(code).toBe(3);
    expect(stdout).toMatch(/^accepted 8, rejected 1,/);
    expect(stderr).toMatch(/^line 8: /m);
    expect(await storedSpans(trace, 8)).toBe(8);
  });

  it('goes on where it was interrupted, and refuses a file that has changed', async () => {
    const trace = newTrace();
    const lines = spansOf(trace, 100).map((s) => `${JSON.stringify(s)}\n`);
    const path = await file('resumed.ndjson', lines.join(''));
    // The far end takes some batches in and then is silent.
    const proxy = await startProxy(engine.url, 4);
    const args = ['ingest', path, '--batch-spans', '10', '--concurrency', '1'];
    const first = startCli([...args, '--url', proxy.url, '--key', engine.key]);
    await proxy.silent;
    first.child.kill('SIGINT');
    expect((await first.result).code).toBe(130);
    await proxy.close();
    const progress = JSON.parse(await readFile(`${path}.mplp-progress`, 'utf8')) as { offset: number };
    expect(progress.offset).toBe(lines.slice(0, 40).join('').length);

    await writeFile(path, lines.join('').replace('step 31', 'step XX'));
    const changed = await mplp(args);
    expect(changed.code).toBe(1);
    expect(changed.stderr).toContain('--restart');

    await writeFile(path, lines.join(''));
    const second = await mplp(args);
    expect(second.stderr).toContain('going on at byte');
    expect(second.code).toBe(0);
    expect(second.stdout).toMatch(/^accepted 100, rejected 0,/);
    expect(await storedSpans(trace, 100)).toBe(100);

    const restarted = await mplp([...args, '--restart']);
    expect(restarted.code).toBe(0);
    expect(await storedSpans(trace, 100)).toBe(100);
  });
});

describe('query', () => {
  it('prints a table, JSON, NDJSON, CSV and Parquet, takes parameters and standard input', async () => {
    const sql = "SELECT {n:UInt8} AS n, 'x' AS text";
    const table = await mplp(['query', sql, '-p', 'n=7']);
    expect(table.code).toBe(0);
    expect(table.stdout).toMatch(/│ n │ text │[\s\S]*│ 7 │ x {4}│[\s\S]*1 row\n/);
    const json = await mplp(['query', sql, '-p', 'n=7', '-f', 'json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ data: [{ n: 7, text: 'x' }], rows: 1 });
    expect((await mplp(['query', '-', '-p', 'n=7', '-f', 'ndjson'], { input: sql })).stdout).toBe(
      '{"n":7,"text":"x"}\n',
    );
    expect((await mplp(['query', sql, '-p', 'n=7', '-f', 'csv'])).stdout).toContain('7,"x"');
    const parquet = join(folder, 'out.parquet');
    expect((await mplp(['query', sql, '-p', 'n=7', '-f', 'parquet', '-o', parquet])).code).toBe(0);
    expect((await readFile(parquet)).subarray(0, 4).toString()).toBe('PAR1');
  });

  it('says what is wrong with a statement', async () => {
    const { code, stderr } = await mplp(['query', 'SELECT FROM WHERE']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: /);
  });

  it('says where to find the key when it is wrong', async () => {
    const { code, stderr } = await runCli([
      'query',
      'SELECT 1',
      '--url',
      engine.url,
      '--key',
      'wrong-key-of-good-length',
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain('MPLP_ADMIN_KEY');
  });
});

describe('trace', () => {
  it('draws the tree with durations, bars and errors', async () => {
    const trace = newTrace();
    const base = Date.now() - 10_000;
    const at = (ms: number) => new Date(base + ms).toISOString();
    const name = (text: string) => ({ name: text, type: 'execute' as const });
    await client().sendSpans(
      [
        span(trace, 1, { action: name('root'), timestamp: { start: at(0), end: at(4000) } }),
        span(trace, 2, {
          action: name('first'),
          parent_span_id: uuid(1),
          timestamp: { start: at(0), end: at(1000) },
        }),
        span(trace, 3, {
          action: name('second\u001b[31m'),
          parent_span_id: uuid(1),
          timestamp: { start: at(1000), end: at(4000) },
          result: { status: 'failure', error: { message: 'it broke' } },
        }),
        span(trace, 4, { action: name('leaf'), parent_span_id: uuid(3), timestamp: { start: at(2000) } }),
        span(trace, 5, {
          action: name('stray'),
          parent_span_id: uuid(99),
          timestamp: { start: at(3000), end: at(3500) },
        }),
      ],
      { durability: 'stored' },
    );
    const { code, stdout } = await mplp(['trace', trace]);
    expect(code).toBe(0);
    const lines = stdout.split('\n');
    expect(lines[0]).toMatch(new RegExp(`^trace ${trace} {2}5 spans, 4\\.0 s, 1 with errors`));
    expect(lines[1]).toMatch(/^root +4\.0 s █+$/);
    expect(lines[2]).toMatch(/^├─ first +1\.0 s █+$/);
    expect(lines[3]).toMatch(/^└─ second\ufffd\[31m +3\.0 s +█+$/);
    expect(lines[4]).toMatch(/it broke/);
    expect(lines[5]).toMatch(/^ {3}└─ leaf +running +▏$/);
    expect(lines[6]).toMatch(/^stray \(parent missing\) +500 ms +█+$/);
    const json = await mplp(['trace', trace, '--json']);
    expect(json.stdout.trim().split('\n')).toHaveLength(5);
  });

  it('tells of a trace that is not there', async () => {
    const { code, stderr } = await mplp(['trace', newTrace()]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: /);
  });
});

describe('tail', () => {
  it('shows spans that match, as they come in, until Ctrl-C', async () => {
    const connection = ['--url', engine.url, '--data-dir', engine.dataDir];
    const text = startCli(['tail', '--action', 'wanted', ...connection]);
    const json = startCli(['tail', '--json', ...connection]);
    await Promise.all([text.seen('listening'), json.seen('listening')]);
    const trace = newTrace();
    await client().sendSpans([
      span(trace, 1, { action: { name: 'other', type: 'execute' } }),
      span(trace, 2, {
        action: { name: 'wanted', type: 'invoke' },
        result: { status: 'failure', error: { message: 'no luck' } },
      }),
    ]);
    await Promise.all([text.seen('no luck'), json.seen('"wanted"')]);
    text.child.kill('SIGINT');
    json.child.kill('SIGINT');
    const [shown, all] = await Promise.all([text.result, json.result]);
    expect([shown.code, all.code]).toEqual([130, 130]);
    expect(shown.stdout).toContain(trace);
    expect(shown.stdout).not.toContain('other');
    const spans = all.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Span);
    expect(spans.map(({ action }) => action.name).sort()).toEqual(['other', 'wanted']);
  });
});

describe('demo', () => {
  it('sends valid spans of a fleet and says what to try next', async () => {
    const { code, stdout, stderr } = await mplp([
      'demo',
      '--duration',
      '1',
      '--rate',
      '40',
      '--agents',
      '6',
      '--seed',
      '5',
    ]);
    expect([code, stderr]).toEqual([0, expect.stringContaining('6 agents')]);
    const trace = /mplp trace (\S+)/.exec(stdout)?.[1] ?? '';
    await storedSpans(trace, 1);
    expect((await mplp(['trace', trace])).stdout).toContain('mission');
  });
});

describe('dead-letters and doctor', () => {
  it('find a healthy engine healthy', async () => {
    expect(await mplp(['dead-letters', 'list'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('No dead letters') as string,
    });
    expect(await mplp(['dead-letters', 'list', '--json'])).toMatchObject({ code: 0, stdout: '[]\n' });
    expect((await mplp(['dead-letters', 'replay', '--all'])).code).toBe(0);
    const { code, stdout } = await mplp(['doctor']);
    expect(stdout).toMatch(/^ok {4}engine/m);
    expect(stdout).toMatch(/^ok {4}key/m);
    expect(stdout).toMatch(/^ok {4}clock/m);
    expect(code).toBe(stdout.includes('fail  ') ? 1 : 0);
  });
});

it('doctor warns of an OTLP port that another process has', async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  const held = String((holder.address() as AddressInfo).port);
  const { stdout } = await runCli(
    // Nobody listens on port 9 here.
    ['doctor', '--url', 'http://127.0.0.1:9', '--data-dir', engine.dataDir],
    { env: { MPLP_OTLP_HTTP_PORT: 'off', MPLP_OTLP_GRPC_PORT: held } },
  );
  holder.close();
  expect(stdout).toMatch(new RegExp(`^warn {2}OTLP/gRPC port .*127\\.0\\.0\\.1:${held} cannot be used`, 'm'));
  expect(stdout).toContain('MPLP_OTLP_GRPC_PORT');
  expect(stdout).not.toContain('OTLP/HTTP port');
});

describe('the socket sender', () => {
  it('sends spans to the engine and gets their receipts', async () => {
    const trace = newTrace();
    const sender = createSocketSender({
      url: engine.url,
      key: engine.key,
      connect: (url, protocols) => new WebSocket(url, protocols),
    });
    const receipts = await Promise.all(spansOf(trace, 20).map((s) => sender.send([s])));
    await sender.close();
    expect(receipts.every(({ accepted }) => accepted === 1)).toBe(true);
    expect(await storedSpans(trace, 20)).toBe(20);
  });
});

describe('examples', () => {
  it.each([
    ['bash', 'send-span.sh', 'hello from curl'],
    [process.execPath, 'send-span.mjs', 'hello from Node'],
    ['python3', 'send_span.py', 'hello from Python'],
  ])('%s %s sends a span and reads it back', async (command, name, text) => {
    const { execFile } = await import('node:child_process');
    const { promisify } = await import('node:util');
    const env = { ...process.env, MPLP_URL: engine.url, MPLP_ADMIN_KEY: engine.key };
    const { stdout } = await promisify(execFile)(command, [join('examples', name)], { env });
    expect(stdout).toContain('"accepted":1');
    expect(stdout).toContain(text);
    expect(stdout).toContain('{"spans":');
  });
});

/** Passes `count` requests on and answers no more after them. */
async function startProxy(
  target: string,
  count: number,
): Promise<{ url: string; silent: Promise<void>; close(): Promise<void> }> {
  let passed = 0;
  let onSilent = (): void => {};
  const silent = new Promise<void>((resolve) => (onSilent = resolve));
  const server: Server = createServer((request, response) => {
    if (++passed > count) return onSilent();
    const onward = httpRequest(
      new URL(request.url ?? '/', target),
      { method: request.method, headers: request.headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    request.pipe(onward);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    silent,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
