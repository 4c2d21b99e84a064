import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runsOf } from './gate-rules.mjs';
import { renderReport } from './report-text.mjs';

const usage = `Usage: node bench/report.mjs NAME --ingest FILE [--query FILE]

Writes perf-reports/NAME.json (what bench:gate compares with) and perf-reports/NAME.md (what people read) from
the files that bench:ingest and bench:query wrote with --out.
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { ingest: { type: 'string' }, query: { type: 'string' } },
});
const [name] = positionals;
if (name === undefined || !/^[\w.-]+$/.test(name) || values.ingest === undefined) {
  process.stderr.write(usage);
  process.exit(2);
}

/** @param {string} file */
function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    process.stderr.write(`${file} cannot be read: ${error instanceof Error ? error.message : error}\n`);
    process.exit(2);
  }
}
const ingest = read(values.ingest);
const { machine, commit, created } = ingest;
const runs = runsOf(ingest, values.ingest);
for (const run of Object.values(runs))
  for (const key of ['machine', 'commit', 'created', 'forms']) delete run[key];
const report = {
  version: 1,
  created,
  commit,
  machine,
  ingest: runs,
  ...(values.query !== undefined && { query: read(values.query) }),
};

const reportsDir = fileURLToPath(new URL('../perf-reports/', import.meta.url));
writeFileSync(path.join(reportsDir, `${name}.json`), `${JSON.stringify(report, null, 2)}\n`);
writeFileSync(path.join(reportsDir, `${name}.md`), renderReport(name, report));
process.stdout.write(`perf-reports/${name}.json and perf-reports/${name}.md written\n`);
