import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

/** What crash cases did. Only what the oracle has judged is counted, and each case once, however often it was asked. */
export interface Tally {
  cases: number;
  /** Of the engine. Those that only tidy up behind a case are not counted. */
  kills: number;
  clickhouseKills: number;
  /** Spans, each once, however often it was sent again. */
  sent: number;
  acknowledged: number;
  lost: number;
  doubled: number;
  /** Cases that sent spans and ended before the oracle could judge them; none when all tests pass. */
  unjudged: number;
}

declare module 'vitest' {
  interface ProvidedContext {
    crashTallyPath: string;
  }
}

export function emptyTally(): Tally {
  return {
    cases: 0,
    kills: 0,
    clickhouseKills: 0,
    sent: 0,
    acknowledged: 0,
    lost: 0,
    doubled: 0,
    unjudged: 0,
  };
}

export function addTally(to: Tally, more: Tally): void {
  for (const name of Object.keys(to) as (keyof Tally)[]) to[name] += more[name];
}

export function describeTally(tally: Tally): string {
  const { cases, kills, clickhouseKills, sent, acknowledged, lost, doubled, unjudged } = tally;
  return (
    `${cases} cases, ${kills} kills of the engine, ${clickhouseKills} of ClickHouse, ${sent} spans sent, ` +
    `${acknowledged} acknowledged, ${lost} lost, ${doubled} doubled` +
    (unjudged === 0 ? '' : `; ${unjudged} cases without a verdict`)
  );
}

/** Hands a test file's tally to the process that prints the total. */
export function reportTally(path: string, tally: Tally): void {
  appendFileSync(path, `${JSON.stringify(tally)}\n`);
}

/** Vitest's global set-up: adds up what all crash files report and prints it as the last line of the run. */
export default function setup(project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'mplp-crash-tally-'));
  const path = join(folder, 'tallies.ndjson');
  appendFileSync(path, '');
  project.provide('crashTallyPath', path);
  return () => {
    const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
    rmSync(folder, { recursive: true });
    if (lines.length === 0) return;
    const total = emptyTally();
    for (const line of lines) addTally(total, JSON.parse(line) as Tally);
    process.stdout.write(`crash suite in all: ${describeTally(total)}\n`);
  };
}
