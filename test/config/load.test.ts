import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { flagOf, loadConfig, optionTable } from '#dist/config/index.js';
import { MplpError } from '#dist/errors/index.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mplp-config-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const load = (argv: string[] = [], env: Record<string, string> = {}) =>
  loadConfig({ argv, env, cwd: folder });

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function faultsOf(argv: string[], env: Record<string, string> = {}): string[] {
  try {
    load(argv, env);
  } catch (error) {
    expect(error).toBeInstanceOf(MplpError);
    const fault = error as MplpError;
    expect(fault.code).toBe('MPLP_ERR_CONFIG_INVALID');
    return (fault.errors ?? []).map(({ pointer, message }) => `${pointer}: ${message}`);
  }
  throw new Error('the configuration was taken');
}

describe('sources', () => {
  it('resolves every option from its default', () => {
    const { config, warnings } = load();
    expect(warnings).toEqual([]);
    expect(Object.keys(config).sort()).toEqual(Object.keys(optionTable).sort());
    expect(config.port).toBe(3000);
    expect(config.host).toBe('127.0.0.1');
    expect(config.adminKey).toBeUndefined();
    expect(config.dataDir).toBe(join(folder, 'data'));
    expect(config.workers).toBe(Math.max(1, availableParallelism() - 1));
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('lets a flag win over the environment, that over the file, that over the default', () => {
    const path = file('order.yaml', 'port: 1001\nhost: file.example\nlogLevel: warn\nretentionDays: 5\n');
    const env = { MPLP_CONFIG: path, MPLP_PORT: '1002', MPLP_HOST: 'env.example' };
    const { config } = load(['--port', '1003'], env);
    expect(config.port).toBe(1003);
    expect(config.host).toBe('env.example');
    expect(config.logLevel).toBe('warn');
    expect(config.retentionDays).toBe(5);
    expect(config.maxSpanAgeDays).toBe(3650);
  });

  it('takes the file that the flag names before the one of the environment', () => {
    const first = file('first.json', '{ "port": 2001 }');
    const second = file('second.json', '{ "port": 2002 }');
    expect(load(['--config', first], { MPLP_CONFIG: second }).config.port).toBe(2001);
    expect(load(['--config=second.json']).config.port).toBe(2002);
  });

  it('counts an empty variable as absent', () => {
    expect(load([], { MPLP_ADMIN_KEY: '', MPLP_PORT: '', CLICKHOUSE_URL: '' }).config).toMatchObject({
      port: 3000,
    });
  });

  it('reads `--flag value` and `--flag=value` for every option', () => {
    const samples: Record<string, string> = {
      host: '::1',
      dataDir: '/tmp/x',
      adminKey: 'a-key-of-enough-characters',
      clickhouseUrl: 'http://127.0.0.1:8123',
      clickhouseCluster: 'main',
      webhookAllowNetworks: '10.1.0.0/16,fd00:1::/32',
      databaseUrl: 'postgres://user:password@db-1:5432,db-2:5432/mplp?sslmode=require',
      redisUrl: 'rediss://user:password@cache:6380/2',
    };
    for (const [name, spec] of Object.entries(optionTable)) {
      const value = samples[name] ?? String(spec.default);
      const others = name === 'clickhouseCluster' ? ['--clickhouse-url', 'http://127.0.0.1:8123'] : [];
      const apart = load([flagOf(spec), value, ...others]).config;
      const joined = load([`${flagOf(spec)}=${value}`, ...others]).config;
      expect(apart).toEqual(joined);
    }
  });

  it('reads sizes with units', () => {
    const sizeOf = (text: string) => load(['--max-body-bytes', text]).config.maxBodyBytes;
    expect(sizeOf('67108864')).toBe(64 * 1024 ** 2);
    expect(sizeOf('64MiB')).toBe(64 * 1024 ** 2);
    expect(sizeOf('64 mib')).toBe(64 * 1024 ** 2);
    expect(sizeOf('0.5GB')).toBe(500_000_000);
    expect(load(['--config', file('size.yaml', 'maxBodyBytes: 2MB')]).config.maxBodyBytes).toBe(2_000_000);
    expect(load(['--config', file('number.yaml', 'maxBodyBytes: 4096')]).config.maxBodyBytes).toBe(4096);
  });
});

describe('networks', () => {
  const networksOf = (text: string) =>
    load([], { MPLP_WEBHOOK_ALLOW_NETWORKS: text }).config.webhookAllowNetworks;

  it('are read with commas between them', () => {
    expect(networksOf('10.1.0.0/16')).toEqual(['10.1.0.0/16']);
    expect(networksOf('127.0.0.0/8, ::1/128')).toEqual(['127.0.0.0/8', '::1/128']);
  });

  it('are refused when one is none', () => {
    for (const text of [
      '10.1.0.0',
      '10.1.0.0/33',
      '::1/129',
      '10.1.0.0/x',
      'localhost/8',
      '10.1.0.0/16,',
      '/8',
    ])
      expect(faultsOf([], { MPLP_WEBHOOK_ALLOW_NETWORKS: text })[0], text).toMatch(/networks such as/);
  });
});

describe('faults', () => {
  it('reports all of them at once, with field, expectation and value', () => {
    const path = file('bad.yaml', 'retentionDays: many\nprot: 1\n');
    const faults = faultsOf(['--port', '70000', '--no-such-flag'], {
      MPLP_CONFIG: path,
      MPLP_LOG_LEVEL: 'loud',
      MPLP_MAX_BODY_BYTES: '3 parsecs',
      MPLP_WORKERS: '1.5',
    });
    expect(faults).toHaveLength(7);
    const text = faults.join('\n');
    expect(text).toMatch(/--port: .*at most 65535.*70000/);
    expect(text).toMatch(/--no-such-flag: /);
    expect(text).toMatch(/MPLP_LOG_LEVEL: .*trace, debug, info.*loud/);
    expect(text).toMatch(/MPLP_MAX_BODY_BYTES: .*64MiB.*3 parsecs/);
    expect(text).toMatch(/MPLP_WORKERS: .*whole number.*1\.5/);
    expect(text).toMatch(/retentionDays: .*many/);
    expect(text).toMatch(/prot: .*did you mean port/);
  });

  it('refuses a flag without value and a cluster without server', () => {
    expect(faultsOf(['--port'])).toEqual([expect.stringMatching(/--port: .*value/)]);
    expect(faultsOf([], { CLICKHOUSE_CLUSTER: 'main' })).toEqual([
      expect.stringMatching(/CLICKHOUSE_CLUSTER: .*CLICKHOUSE_URL/),
    ]);
  });

  it('never shows what may be a secret', () => {
    const secret = 'hunter2 hunter2 hunter2';
    const path = file('secret.yaml', `adminKey: "${secret}"\nadminKey: "${secret}"\n  ${secret}: [\n`);
    const shown = [
      ...faultsOf([], { MPLP_ADMIN_KEY: secret }),
      ...faultsOf([], { CLICKHOUSE_URL: `user:${secret}@host` }),
      ...faultsOf([], { CLICKHOUSE_URL: `ftp://user:${secret}@host` }),
      ...faultsOf(['--config', path]),
      ...faultsOf(['--admn-key', secret]),
      ...faultsOf([`--admn-key=${secret}`]),
    ];
    expect(shown).toHaveLength(6);
    expect(shown.join('\n')).not.toContain('hunter2');
  });

  it('refuses files that cannot be read or hold no options', () => {
    expect(faultsOf(['--config', join(folder, 'absent.yaml')])[0]).toMatch(/ENOENT/);
    expect(faultsOf(['--config', file('list.yaml', '- 1\n')])[0]).toMatch(/one object/);
    expect(faultsOf(['--config', file('twice.yaml', 'port: 1\nport: 2\n')])[0]).toMatch(/line 2/);
    expect(load(['--config', file('empty.yaml', '')]).config.port).toBe(3000);
  });
});

describe('warnings', () => {
  it('names misspelt variables and what they may mean', () => {
    const { warnings } = load([], {
      MPLP_DATADIR: 'x',
      MPLP_UNHEARD_OF: 'y',
      MPLP_URL: 'http://h',
      MPLP_TEST_CRASH: 'full',
      PATH: '/bin',
    });
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toMatch(/MPLP_DATADIR.*did you mean MPLP_DATA_DIR/);
    expect(warnings[1]).toMatch(/MPLP_UNHEARD_OF/);
    expect(warnings[1]).not.toMatch(/did you mean/);
  });

  it('doubts what is legal but hardly meant', () => {
    expect(load(['--durability', 'memory']).warnings.join()).toMatch(/labs/);
    expect(load(['--max-body-bytes', '1GiB']).warnings.join()).toMatch(/MPLP_MAX_INFLIGHT_BYTES/);
  });
});
