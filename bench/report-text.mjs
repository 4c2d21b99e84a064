/**
 * A report as Markdown.
 * @param {string} name
 * @param {any} report See `report.mjs`.
 */
export function renderReport(name, report) {
  const number = (/** @type {number | null | undefined} */ value) =>
    value === null || value === undefined ? '–' : value.toLocaleString('en', { maximumFractionDigits: 3 });
  const pair = (/** @type {any} */ value) =>
    value === null || value === undefined ? '–' : `${number(value.p50)} / ${number(value.p99)}`;
  const table = (/** @type {string[][]} */ rows) => {
    const [head, ...rest] = rows;
    return [head, head.map(() => '---'), ...rest].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  };
  const runs = /** @type {any[]} */ (Object.values(report.ingest));
  const { otlp, peers, contexts, protocol } = report;
  const { machine } = report;
  const spread = (/** @type {any} */ run, /** @type {string} */ key) =>
    run.rounds < 2 ? '–' : percent(run.noise?.[key]?.relative_spread ?? 0);

  const percent = (/** @type {number | null} */ part) => `${number((part ?? 0) * 100)} %`;
  const parts = [
    `# ${name}`,
    `Commit ${report.commit}, ${report.created}. Terms and method: [README](README.md), [bench/README](../bench/README.md).`,
    '## Environment',
    table([
      ['what', 'value'],
      ['processor', `${machine.cores} × ${machine.cpu}`],
      ['memory', `${machine.memory_gb} GB`],
      ['system', `${machine.distribution}, Linux ${machine.kernel}`],
      ['Node', machine.node],
      ['load average before', String(machine.load_before)],
    ]),
    '## Ingest',
    'CPU is microseconds a span over all threads, background merges included. Medians over the rounds; pairs are p50 / p99.',
    table([
      [
        'form',
        'spans/s',
        'MB/s',
        'serve',
        'store',
        'floor',
        '× floor',
        'baseline serve + store',
        '× less than baseline',
        'verified',
      ],
      ...runs.map((run) => [
        run.form,
        number(run.spans_per_s),
        number(run.mb_per_s),
        number(run.cpu_us_per_span.serve),
        number(run.cpu_us_per_span.store),
        number(run.floor_cpu_us_per_span),
        number(run.ratio_to_floor),
        `${number(run.baseline.cpu_us_per_span.serve)} + ${number(run.baseline.cpu_us_per_span.store)}`,
        number(run.speedup_vs_baseline),
        run.verified ? 'yes' : 'NO',
      ]),
    ]),
    table([
      [
        'form',
        'spans a round',
        'bytes a span on the wire',
        'ack ms, full load',
        'ack ms, half load',
        'queryable ms, half load',
        'bytes a span on disk',
        'peak RSS MB serve / store',
      ],
      ...runs.map((run) => [
        run.form,
        number(run.spans),
        number(run.wire_bytes_per_span),
        pair(run.ack_ms),
        pair(run.half_load?.ack_ms),
        pair(run.queryable_ms),
        number(run.bytes_per_span_on_disk),
        `${run.rss_mb.serve} / ${run.rss_mb.store}`,
      ]),
    ]),
    'How far the rounds lie apart (largest less smallest, by the median):',
    table([
      ['form', 'rounds', 'spans/s', 'CPU', '× floor', '× less than baseline'],
      ...runs.map((run) => [
        run.form,
        String(run.rounds),
        spread(run, 'spans_per_s'),
        spread(run, 'cpu_us_per_span'),
        spread(run, 'ratio_to_floor'),
        spread(run, 'speedup_vs_baseline'),
      ]),
    ]),
    `Start to ready: ${number(runs[0].start_to_ready_ms)} ms. Idle CPU of serve and store: ${number(runs[0].idle_cpu_percent)} % of a core.`,
  ];
  if (report.query !== undefined) {
    parts.push(
      '## Queries',
      `Over HTTP, ${number(report.query.spans)} spans stored (${number(report.query.bytes_per_span_on_disk)} bytes each on disk). Cold: ${report.query.cold_means}. Milliseconds, p50 / p99.`,
      table([
        ['query', 'warm', 'asked', 'cold', 'asked'],
        ...Object.entries(/** @type {Record<string, any>} */ (report.query.queries)).map(
          ([query, figures]) => [
            query.replaceAll('_', ' '),
            pair(figures.warm_ms),
            String(figures.warm_ms?.count ?? 0),
            pair(figures.cold_ms),
            String(figures.cold_ms?.count ?? 0),
          ],
        ),
      ]),
    );
  }
  if (otlp !== undefined)
    parts.push(
      '## OpenTelemetry',
      `OTLP/HTTP protobuf, ${number(otlp.spans)} spans a round of ${number(otlp.wire_bytes_per_span)} bytes, ${otlp.rounds} rounds. Commit ${otlp.commit}.`,
      table([
        ['figure', 'value', 'rounds lie apart'],
        ['spans/s, until queryable', number(otlp.spans_per_s), spread(otlp, 'spans_per_s')],
        ['CPU of serve, µs a span', number(otlp.cpu_us_per_span.serve), '–'],
        ['CPU of store, µs a span', number(otlp.cpu_us_per_span.store), '–'],
        [
          'CPU of both, µs a span',
          number(otlp.cpu_us_per_span.serve + otlp.cpu_us_per_span.store),
          spread(otlp, 'cpu_us_per_span'),
        ],
        ['ack ms, full load', pair(otlp.ack_ms), '–'],
        ['ack ms, half load', pair(otlp.half_load?.ack_ms), '–'],
        ['queryable ms, half load', pair(otlp.queryable_ms), '–'],
        ['bytes a span on disk', number(otlp.bytes_per_span_on_disk), '–'],
        ['verified', otlp.verified ? 'yes' : 'NO', '–'],
      ]),
    );
  if (peers !== undefined)
    parts.push(
      '## Peers',
      `The same OTLP/HTTP protobuf to each in turn, ${peers.rounds} ${peers.rounds === 1 ? 'round' : 'rounds'} of ${number(peers.spans)} spans. Ratios above 1 are in favour of the engine. Two runs of the engine in a round lie ${percent(peers.a_a_distance.cpu_per_span)} (CPU) and ${percent(peers.a_a_distance.spans_per_s)} (rate) apart. Commit ${peers.commit}.`,
      table([
        [
          'program',
          'CPU µs a span',
          'spans/s',
          'CPU, × the engine',
          'CPU, × serve alone',
          'spans/s, engine ×',
        ],
        [
          'engine',
          `${number(peers.engine.cpu_us_per_span)}, of which serve ${number(peers.engine.cpu_us_per_span_of_serve)}`,
          number(peers.engine.spans_per_s),
          ...['1', '–', '1'],
        ],
        ...Object.entries(/** @type {Record<string, any>} */ (peers.ratios)).map(([peer, ratios]) =>
          ratios === null
            ? [peer, `not built: ${peers.missing[peer]}`, ...['–', '–', '–', '–']]
            : [
                `${peer} ${peers[peer].version}`,
                number(peers[peer].cpu_us_per_span),
                number(peers[peer].spans_per_s),
                number(ratios.cpu_per_span),
                number(ratios.cpu_per_span_of_serve),
                number(ratios.spans_per_s),
              ],
        ),
      ]),
    );
  if (contexts !== undefined)
    parts.push(
      '## Contexts',
      `Over HTTP with autocannon on the same machine, ${contexts.rounds} rounds, medians; sync to ${contexts.sync.nodes} nodes. Commit ${contexts.commit}.`,
      table([
        ['figure', 'a second', 'p50 / p99 ms', 'CPU of serve, µs', 'rounds lie apart'],
        ...[
          ['reads, cached', contexts.read, contexts.noise.read],
          ['changes', contexts.change, contexts.noise.change],
        ].map(([name, figures, apart]) => [
          name,
          number(figures.per_s),
          `${number(figures.p50_ms)} / ${number(figures.p99_ms)}`,
          number(figures.serve_cpu_us),
          percent(apart),
        ]),
        ['the statement of a change without an engine', number(contexts.bare_statement.per_s), '–', '–', '–'],
        [
          'deliveries to nodes',
          number(contexts.sync.deliveries_per_s),
          `${number(contexts.sync.p50_ms)} / ${number(contexts.sync.p99_ms)}`,
          '–',
          '–',
        ],
      ]),
      `Bare statements a second by changes a second: ${number(contexts.overhead)} (rounds ${percent(contexts.noise.overhead)} apart). Start to ready of all three parts: ${number(contexts.start_to_ready_ms)} ms.`,
    );
  if (protocol !== undefined)
    parts.push(
      '## Protocol services',
      `Parse and validate (schema and rules) from JSON text in one thread, the best of several rounds. Commit ${protocol.commit}.`,
      table([
        ['document', 'bytes', 'a second', 'JSON.parse alone'],
        ...Object.entries(/** @type {Record<string, any>} */ (protocol.types)).map(([type, figures]) => [
          type,
          number(figures.bytes),
          number(figures.documents_per_second),
          number(figures.json_parse_per_second),
        ]),
      ]),
    );
  return `${parts.join('\n\n')}\n`;
}
