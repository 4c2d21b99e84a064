import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runsOf } from './gate-rules.mjs';
import { runBenchmark } from './options.mjs';
import { renderReport } from './report-text.mjs';

const usage = `Usage: node bench/report.mjs NAME --ingest FILE [options]

Writes perf-reports/NAME.json (what bench:gate compares with) and perf-reports/NAME.md (what people read) from
the files that the benchmarks wrote with --out.

  --ingest FILE    of bench:ingest
  --query FILE     of bench:query
  --otlp FILE      of bench:otlp
  --peers FILE     of bench:peers
  --contexts FILE  of bench:contexts
  --protocol FILE  of bench:protocol
`;

function readOptions() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      ingest: { type: 'string' },
      query: { type: 'string' },
      otlp: { type: 'string' },
      peers: { type: 'string' },
      contexts: { type: 'string' },
      protocol: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    process.exit(0);
  }
  const [name] = positionals;
  if (name === undefined || !/^[\w.-]+$/.test(name))
    throw new RangeError('the report needs a NAME of letters, digits, dots and dashes');
  if (values.ingest === undefined) throw new RangeError('--ingest is missing');
  const { ingest, query, otlp, peers, contexts, protocol } = values;
  return { name, ingest, others: { query, otlp, peers, contexts, protocol } };
}

/** @param {string} file */
function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new RangeError(`${file} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

async function main() {
  const { name, ingest: ingestFile, others } = readOptions();
  const ingest = read(ingestFile);
  const { machine, commit, created } = ingest;
  const runs = runsOf(ingest, ingestFile);
  for (const run of Object.values(runs))
    for (const key of ['machine', 'commit', 'created', 'forms']) delete run[key];
  /** @type {Record<string, any>} */
  const report = { version: 1, created, commit, machine, ingest: runs };
  for (const [part, file] of Object.entries(others)) {
    if (file === undefined) continue;
    report[part] = read(file);
    delete report[part].machine;
  }
  const reportsDir = fileURLToPath(new URL('../perf-reports/', import.meta.url));
  writeFileSync(path.join(reportsDir, `${name}.json`), `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(path.join(reportsDir, `${name}.md`), renderReport(name, report));
  process.stdout.write(`perf-reports/${name}.json and perf-reports/${name}.md written\n`);
}

await runBenchmark('report', usage, main);
