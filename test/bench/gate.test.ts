import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compareRuns, GateInputError, runsOf } from '../../bench/gate-rules.mjs';

const gate = fileURLToPath(new URL('../../bench/gate.mjs', import.meta.url));
const recorded = (name: string): string => fileURLToPath(new URL(`runs/${name}.json`, import.meta.url));
const read = (name: string): unknown => JSON.parse(readFileSync(recorded(name), 'utf8'));
const compare = (run: string) => compareRuns(runsOf(read(run), run), runsOf(read('report'), 'report'));

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'mplp-gate-test-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function runGate(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [gate, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe('the rule', () => {
  test('a run of the same code on a noisy machine passes', () => {
    const { passed, checks, failures } = compare('same-code-noisy');
    expect(failures).toEqual([]);
    expect(passed).toBe(true);
    expect(checks.map((check) => check.name)).toEqual([
      'ndjson ratio_to_floor',
      'ndjson speedup_vs_baseline',
      'msgpack ratio_to_floor',
      'msgpack speedup_vs_baseline',
      "msgpack CPU as a part of ndjson's",
    ]);
  });

  test('twice as slow a machine passes: floor and baseline are slower too', () => {
    expect(compare('slower-machine').passed).toBe(true);
  });

  test('an engine that spends a fifth more CPU fails', () => {
    const { passed, failures } = compare('engine-lost');
    expect(passed).toBe(false);
    expect(failures.join('\n')).toMatch(/ndjson ratio_to_floor/);
    expect(failures.join('\n')).toMatch(/ndjson speedup_vs_baseline/);
    expect(failures.join('\n')).not.toMatch(/^msgpack ratio_to_floor/m);
  });

  test('a loss in MessagePack alone fails', () => {
    const { failures } = compare('msgpack-lost');
    expect(failures.join('\n')).toMatch(/msgpack CPU as a part of ndjson's/);
    expect(failures.join('\n')).not.toMatch(/^ndjson/m);
  });

  test('a fast run whose content is wrong fails', () => {
    const { passed, failures } = compare('not-verified');
    expect(passed).toBe(false);
    expect(failures).toEqual(['ndjson: the stored spans are not the sent ones']);
  });

  test('noise widens what is allowed, on either side', () => {
    const base = {
      verified: true,
      ratio_to_floor: 2,
      speedup_vs_baseline: 6,
      cpu_us_per_span: { serve: 1, store: 1 },
    };
    const slower = { ...base, ratio_to_floor: 2.4 };
    const noisy = { ratio_to_floor: { relative_mad: 0.07 } };
    expect(compareRuns({ ndjson: slower }, { ndjson: base }).passed).toBe(false);
    expect(compareRuns({ ndjson: { ...slower, noise: noisy } }, { ndjson: base }).passed).toBe(true);
    expect(compareRuns({ ndjson: slower }, { ndjson: { ...base, noise: noisy } }).passed).toBe(true);
  });

  test('what cannot be compared is said, not passed', () => {
    expect(() => runsOf(42, 'x')).toThrow(GateInputError);
    expect(() =>
      runsOf({ form: 'ndjson', ratio_to_floor: null, speedup_vs_baseline: 5, verified: true }, 'x'),
    ).toThrow(/ratio_to_floor/);
    expect(() => runsOf({ form: 'ndjson', ratio_to_floor: 2, speedup_vs_baseline: 5 }, 'x')).toThrow(
      /verified/,
    );
    expect(() => runsOf({ ingest: {} }, 'x')).toThrow(/no runs/);
    const run = runsOf({ form: 'llm', ratio_to_floor: 2, speedup_vs_baseline: 5, verified: true }, 'x');
    expect(() => compareRuns(run, runsOf(read('report'), 'report'))).toThrow(/no form in common/);
    const ndjson = { verified: true, ratio_to_floor: 2, speedup_vs_baseline: 6, spans: 1000 };
    expect(() => compareRuns({ ndjson }, { ndjson: { ...ndjson, spans: 2000 } })).toThrow(
      /1000 spans a round against 2000/,
    );
  });
});

describe('the command', () => {
  test('exits 0 without a loss and says what was compared', () => {
    const { status, stdout } = runGate('--run', recorded('same-code-noisy'), '--report', recorded('report'));
    expect(stdout).toMatch(/ok +ndjson ratio_to_floor/);
    expect(stdout).toMatch(/no loss beyond the noise/);
    expect(status).toBe(0);
  });

  test('exits 1 on a loss', () => {
    const { status, stdout } = runGate('--run', recorded('engine-lost'), '--report', recorded('report'));
    expect(stdout).toMatch(/LOSS +ndjson ratio_to_floor/);
    expect(status).toBe(1);
  });

  test.each([
    ['a file that is not there', () => path.join(dir, 'missing.json')],
    ['a file that is no JSON', () => writeText('broken.json', '{')],
    ['a file that is no run', () => writeText('other.json', '{"form":"ndjson"}')],
  ])('exits 2 on %s', (_what, file) => {
    const { status, stderr } = runGate('--run', file(), '--report', recorded('report'));
    expect(stderr).toMatch(/^bench:gate: /);
    expect(stderr).not.toMatch(/\n {4}at /);
    expect(status).toBe(2);
  });

  test('exits 2 on an unknown option', () => {
    expect(runGate('--fast').status).toBe(2);
  });
});

function writeText(name: string, text: string): string {
  const file = path.join(dir, name);
  writeFileSync(file, text);
  return file;
}
