import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { HostAddon } from './host-addon.js';
import { quoteName } from './query-text.js';

/*
 * A MergeTree table notes the id of an insert in `deduplication_logs/`, and only then renames the insert's part into place
 * (ClickHouse 26.7). When it is killed in between, or the rename fails, the note stays without the part: the same insert, sent
 * again, would be taken for stored and its rows be lost. So such notes are taken out before anybody can insert.
 * A line of a log is `<1 added, 2 dropped>\t<part>\t<insert id>`.
 */
const FOLDER = 'deduplication_logs';
const LOG_FILE = /^deduplication_log_\d+\.txt$/;
const ADDED = '1';
/** `<partition>_<first block>_<last block>_<level>[_<mutation>]`; partitions by day have no underscore in their name. */
const PART = /^([^_]+)_(\d+)_(\d+)_\d+(?:_\d+)?$/;

interface BlockRange {
  readonly first: number;
  readonly last: number;
}

/** ClickHouse's message when a part could not be put into place: what it holds in memory is ahead of its disk. */
export function isFailedRename(error: string): boolean {
  return error.includes('filesystem error: in rename');
}

/**
 * Takes the notes without a part out of the logs of all tables below `dataPath`. Resolves with the tables that had some.
 *
 * @throws Error of ClickHouse or of the disk; a table is whole again at the next start.
 */
export async function repairDeduplicationLogs(host: HostAddon, dataPath: string): Promise<string[]> {
  const tables = await ask(
    host,
    `SELECT database, name, data_paths[1] AS path FROM system.tables
     WHERE engine LIKE '%MergeTree' AND create_table_query LIKE '%non_replicated_deduplication_window%'`,
  );
  const repaired: string[] = [];
  for (const { database, name, path } of tables) {
    const lost = findLostNotes(path);
    if (lost.size === 0) continue;
    const table = `${quoteName(database)}.${quoteName(name)}`;
    await ask(host, `DETACH TABLE ${table} SYNC`);
    for (const [file, lines] of lost) replaceFile(file, lines, dataPath);
    await ask(host, `ATTACH TABLE ${table}`);
    repaired.push(table);
  }
  return repaired;
}

/** By log file the lines to keep, for those files that have to change. */
export function findLostNotes(tablePath: string): Map<string, string[]> {
  const changed = new Map<string, string[]>();
  const folder = join(tablePath, FOLDER);
  if (!existsSync(folder)) return changed;
  const parts = partsByPartition(tablePath);
  /** A part that merges made holds all blocks from its first to its last. */
  const isStored = (partition: string, noted: BlockRange): boolean =>
    (parts.get(partition) ?? []).some(({ first, last }) => first <= noted.first && noted.last <= last);
  for (const file of readdirSync(folder).filter((name) => LOG_FILE.test(name))) {
    const lines = readFileSync(join(folder, file), 'utf8').split('\n');
    const kept = lines.filter((line) => {
      const [operation, part = ''] = line.split('\t');
      const noted = operation === ADDED ? readPart(part) : undefined;
      return noted === undefined || isStored(...noted);
    });
    if (kept.length < lines.length) changed.set(join(folder, file), kept);
  }
  return changed;
}

function partsByPartition(tablePath: string): Map<string, BlockRange[]> {
  const parts = new Map<string, BlockRange[]>();
  for (const name of readdirSync(tablePath)) {
    const read = readPart(name);
    if (read === undefined) continue;
    const [partition, range] = read;
    parts.set(partition, [...(parts.get(partition) ?? []), range]);
  }
  return parts;
}

function readPart(name: string): [partition: string, range: BlockRange] | undefined {
  const match = PART.exec(name);
  return match === null
    ? undefined
    : [match[1] as string, { first: Number(match[2]), last: Number(match[3]) }];
}

/** By way of another folder: ClickHouse does not start with a file of another name among its logs. */
function replaceFile(path: string, lines: readonly string[], elsewhere: string): void {
  const next = join(elsewhere, 'deduplication-log.new');
  const fd = openSync(next, 'w', 0o640);
  writeSync(fd, lines.join('\n'));
  fsyncSync(fd);
  closeSync(fd);
  renameSync(next, path);
}

interface TableRow {
  readonly database: string;
  readonly name: string;
  readonly path: string;
}

function ask(host: HostAddon, sql: string): Promise<TableRow[]> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    new host.Statement(
      { preamble: [], sql, format: 'JSONEachRow', params: [], kind: 'buffered' },
      (chunk) => chunks.push(chunk),
      ({ error }) => {
        const rows = Buffer.concat(chunks).toString('utf8').split('\n');
        if (error !== undefined) reject(new Error(error));
        else resolve(rows.filter((row) => row !== '').map((row) => JSON.parse(row) as TableRow));
      },
      () => {},
    );
  });
}
