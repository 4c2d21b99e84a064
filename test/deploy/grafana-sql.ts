/** What Grafana puts into the SQL of a panel: the values of variables, then the macros of the ClickHouse plugin. */
export interface GrafanaState {
  readonly fromMs: number;
  readonly toMs: number;
  readonly intervalMs: number;
  /** `['$__all']` is the choice "All". */
  readonly variables: Readonly<Record<string, readonly string[]>>;
}

/** The SQL that reaches ClickHouse. Throws on what neither Grafana nor the plugin would replace. */
export function interpolate(rawSql: string, state: GrafanaState): string {
  const sql = expandMacros(expandVariables(expandConditionals(rawSql, state), state), state);
  const left = /\$\{?\w+/.exec(sql);
  if (left !== null) throw new Error(`nothing replaces ${left[0]} in: ${sql}`);
  return sql;
}

/** `$__conditionalAll(condition, $variable)`: the condition, or `1=1` when all is chosen or nothing. */
function expandConditionals(sql: string, { variables }: GrafanaState): string {
  const macro = '$__conditionalAll(';
  let text = sql;
  for (let at = text.lastIndexOf(macro); at >= 0; at = text.lastIndexOf(macro)) {
    const { args, end } = argumentsAt(text, at + macro.length - 1);
    const [condition = '', variable = ''] = args;
    if (args.length !== 2) throw new Error(`$__conditionalAll takes two arguments: ${args.join(' | ')}`);
    const chosen = variables[/\$\{?(\w+)/.exec(variable)?.[1] ?? ''];
    if (chosen === undefined) throw new Error(`no variable ${variable}`);
    const isAll = chosen.join() === '' || chosen.join() === '$__all';
    text = text.slice(0, at) + (isAll ? '1=1' : condition) + text.slice(end);
  }
  return text;
}

function expandVariables(sql: string, { variables }: GrafanaState): string {
  return sql.replace(
    /\$\{(\w+)(?::(\w+))?\}|\$(?!__)(\w+)/g,
    (text, braced?: string, format?: string, bare?: string) => {
      const values = variables[braced ?? bare ?? ''];
      if (values === undefined) throw new Error(`no variable ${text}`);
      if (format === 'sqlstring') return values.map((value) => `'${value.replaceAll("'", "''")}'`).join(',');
      if (format !== undefined) throw new Error(`unknown format ${format}`);
      return values.length > 1 ? `'${values.join("','")}'` : (values[0] ?? '');
    },
  );
}

function expandMacros(sql: string, { fromMs, toMs, intervalMs }: GrafanaState): string {
  const seconds = Math.max(1, Math.trunc(intervalMs / 1000));
  const time = (ms: number): string => `toDateTime(${Math.trunc(ms / 1000)})`;
  const milli = (ms: number): string => `fromUnixTimestamp64Milli(${ms})`;
  const macros: Readonly<Record<string, (...args: string[]) => string>> = {
    timeFilter: (column) => `${column} >= ${time(fromMs)} AND ${column} <= ${time(toMs)}`,
    timeFilter_ms: (column) => `${column} >= ${milli(fromMs)} AND ${column} <= ${milli(toMs)}`,
    timeInterval: (column) => `toStartOfInterval(toDateTime(${column}), INTERVAL ${seconds} second)`,
    timeInterval_ms: (column) =>
      `toStartOfInterval(toDateTime64(${column}, 3), INTERVAL ${Math.max(1, intervalMs)} millisecond)`,
    fromTime: () => time(fromMs),
    toTime: () => time(toMs),
    fromTime_ms: () => milli(fromMs),
    toTime_ms: () => milli(toMs),
    interval_s: () => String(seconds),
  };
  let text = '';
  let rest = sql;
  for (let match = /\$__(\w+)/.exec(rest); match !== null; match = /\$__(\w+)/.exec(rest)) {
    const macro = macros[match[1] ?? ''];
    if (macro === undefined) throw new Error(`no macro ${match[0]}`);
    const behind = match.index + match[0].length;
    const { args, end } = rest[behind] === '(' ? argumentsAt(rest, behind) : { args: [], end: behind };
    if (args.length !== macro.length) throw new Error(`${match[0]} takes ${macro.length} arguments`);
    text += rest.slice(0, match.index) + macro(...args);
    rest = rest.slice(end);
  }
  return text + rest;
}

/** The arguments between the bracket at `open` and its partner, and where the text goes on behind it. */
function argumentsAt(text: string, open: number): { args: string[]; end: number } {
  const args: string[] = [];
  let depth = 0;
  let from = open + 1;
  for (let at = open; at < text.length; at++) {
    const character = text[at];
    if (character === '(') depth += 1;
    else if (character === ')') depth -= 1;
    if ((character === ',' && depth === 1) || depth === 0) {
      args.push(text.slice(from, at).trim());
      from = at + 1;
    }
    if (depth === 0) return { args: args.length === 1 && args[0] === '' ? [] : args, end: at + 1 };
  }
  throw new Error(`a bracket is not closed: ${text.slice(open)}`);
}
