import type { OptionSpec } from './options.js';

/** `MPLP_DATA_DIR` is `--data-dir`; `CLICKHOUSE_URL` is `--clickhouse-url`. */
export function flagOf(spec: OptionSpec): string {
  return `--${spec.env
    .replace(/^MPLP_/, '')
    .toLowerCase()
    .replaceAll('_', '-')}`;
}
