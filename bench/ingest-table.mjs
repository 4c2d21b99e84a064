/**
 * The human-readable form of a run, on standard error.
 * @param {import('./engine-summary.mjs').EngineSummary & Partial<Omit<import('./ingest.mjs').IngestResult, keyof import('./engine-summary.mjs').EngineSummary>>} run Without floor and baseline where they were not measured.
 */
export function printIngest(run) {
  const number = (/** @type {number | null | undefined} */ value) =>
    value === null || value === undefined ? '-' : value.toLocaleString('en', { maximumFractionDigits: 3 });
  const pair = (/** @type {{ p50: number | null, p99: number | null } | null} */ value) =>
    value === null ? '-' : `p50 ${number(value.p50)}   p99 ${number(value.p99)}`;
  const spread = (/** @type {string} */ name) => {
    const noise = /** @type {Record<string, { relative_spread: number | null } | undefined>} */ (run.noise)[
      name
    ];
    return noise === undefined || run.rounds < 2
      ? ''
      : `  (rounds lie ${number((noise.relative_spread ?? 0) * 100)} % apart)`;
  };
  const { cpu_us_per_span: cpu, floor, baseline } = run;
  const rows = [
    ['spans/s, sent until queryable', number(run.spans_per_s) + spread('spans_per_s')],
    ['spans/s, sent until acknowledged', number(run.acked_spans_per_s)],
    ['MB/s on the wire', number(run.mb_per_s)],
    [
      'CPU a span, µs',
      `serve ${number(cpu.serve)}   store ${number(cpu.store)}   client ${number(cpu.client)}${spread('cpu_us_per_span')}`,
    ],
    ...(floor === undefined
      ? []
      : [
          [
            'floor, µs',
            `receive ${number(floor.receive)}   parse ${number(floor.parse)}   store ${number(floor.store)}   total ${number(run.floor_cpu_us_per_span)}`,
          ],
          ['CPU as a multiple of the floor', number(run.ratio_to_floor) + spread('ratio_to_floor')],
        ]),
    ...(baseline === undefined
      ? []
      : [
          [
            'baseline',
            `${number(baseline.spans_per_s)} spans/s, CPU µs serve ${number(baseline.cpu_us_per_span.serve)}   store ${number(baseline.cpu_us_per_span.store)}`,
          ],
          [
            'less CPU than the baseline, times',
            number(run.speedup_vs_baseline) + spread('speedup_vs_baseline'),
          ],
        ]),
    ['acknowledged at full load, ms', pair(run.ack_ms)],
    ['queryable at half load, ms', pair(run.queryable_ms)],
    ['acknowledged at half load, ms', pair(run.half_load?.ack_ms ?? null)],
    ['bytes a span on disk', number(run.bytes_per_span_on_disk)],
    ['peak RSS, MB', `serve ${run.rss_mb.serve}   store ${run.rss_mb.store}`],
    ['start to ready, ms', number(run.start_to_ready_ms)],
    ['idle CPU, % of a core', number(run.idle_cpu_percent)],
    ['verified by content', run.verified ? 'yes' : `NO: ${run.differences.join('; ')}`],
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  process.stderr.write(`\n${run.form}: rounds ${run.rounds}, spans a round ${number(run.spans)}\n`);
  for (const [label, value] of rows) process.stderr.write(`  ${label.padEnd(width)}  ${value}\n`);
  process.stderr.write('\n');
}
