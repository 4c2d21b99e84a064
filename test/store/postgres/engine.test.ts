import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { isAlive, PASSWORD, startTestPostgres, until } from '../../embedded/postgres/embedded-postgres.js';
import { startEngine, type EngineProcess } from '../../support/engine-process.js';
import { sampleSpan } from '../../support/sample-span.js';

interface Readiness {
  readonly status: string;
  readonly parts: Readonly<Record<string, { readonly ok: boolean; readonly detail: string }>>;
}

const readiness = async (engine: EngineProcess): Promise<Readiness> =>
  (await (await fetch(`${engine.url}/ready`)).json()) as Readiness;
const sendSpan = async (engine: EngineProcess): Promise<number> => {
  const response = await fetch(`${engine.url}/v1.0/traces?durability=stored`, {
    method: 'POST',
    headers: { authorization: `Bearer ${engine.key}`, 'content-type': 'application/json' },
    body: JSON.stringify(sampleSpan()),
  });
  return response.status;
};
const postgresPid = (dataDir: string): number => {
  const path = join(dataDir, 'postgres/postmaster.pid');
  return existsSync(path) ? Number(readFileSync(path, 'utf8').split('\n')[0]) : 0;
};

it('takes spans in and stores them while Postgres is away, and uses it when it comes', async () => {
  const port = await freePort();
  const engine = await startEngine({
    DATABASE_URL: `postgres://mplp:${PASSWORD}@127.0.0.1:${port}/of_the_engine`,
  });
  try {
    const before = await readiness(engine);
    expect(before).toMatchObject({ status: 'ready', parts: { postgres: { ok: false, optional: true } } });
    expect(before.parts['postgres']?.detail).toContain('ECONNREFUSED');
    expect(await sendSpan(engine)).toBe(202);
    const metrics = await fetch(`${engine.url}/metrics`, {
      headers: { authorization: `Bearer ${engine.key}` },
    });
    expect(await metrics.text()).toMatch(/^mplp_postgres_up 0$/m);

    const postgres = await startTestPostgres({ port });
    await until(async () => (await readiness(engine)).parts['postgres']?.ok === true);
    await postgres.close();
    await until(async () => (await readiness(engine)).parts['postgres']?.ok === false);
    expect(await sendSpan(engine)).toBe(202);
    expect(engine.stderr).not.toContain(PASSWORD);
  } finally {
    expect(await engine.close()).toBe(0);
  }
});

it('brings its own Postgres through kill -9 of either, and leaves nothing running', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'mplp-engine-'));
  try {
    const first = await startEngine({ DATABASE_URL: '' }, dataDir);
    await until(async () => (await readiness(first)).parts['postgres']?.ok === true);
    const left = postgresPid(dataDir);
    await first.kill();

    const engine = await startEngine({ DATABASE_URL: '' }, dataDir);
    await until(() => !isAlive(left));
    await until(async () => (await readiness(engine)).parts['postgres']?.ok === true);
    const pid = postgresPid(dataDir);
    process.kill(pid, 'SIGKILL');
    expect(await sendSpan(engine)).toBe(202);
    // It is back so soon that nobody may have seen it away.
    await until(
      async () => postgresPid(dataDir) !== pid && (await readiness(engine)).parts['postgres']?.ok === true,
    );
    const again = postgresPid(dataDir);
    expect(await engine.close()).toBe(0);
    expect(isAlive(again)).toBe(false);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
