import { MplpError } from '../../errors/index.js';
import { isAllowedFunction, isAllowedTableFunction } from './sql-functions.js';
import { sqlTokens, type SqlToken } from './sql-tokens.js';

/** Node types of ClickHouse's parse tree that a query may hold. All others are refused, known or not. */
const NODES: ReadonlySet<string> = new Set(
  `SelectWithUnionQuery SelectIntersectExceptQuery SelectQuery ExpressionList WithElement Subquery Literal Identifier
   TableIdentifier Function Asterisk QualifiedAsterisk ColumnsRegexpMatcher ColumnsListMatcher
   QualifiedColumnsRegexpMatcher QualifiedColumnsListMatcher ColumnsTransformerList ColumnsExceptTransformer
   ColumnsReplaceTransformer ColumnsReplaceTransformer::Replacement TablesInSelectQuery TablesInSelectQueryElement
   TableExpression TableJoin ArrayJoin WindowListElement WindowDefinition OrderByElement InterpolateElement
   SampleRatio`.split(/\s+/),
);

/** Words that may stand before a parenthesis without being a function. The engine writes its keywords in capitals. */
const KEYWORDS: ReadonlySet<string> = new Set(
  `ALL AND ANY ARRAY AS BETWEEN BY CASE COLUMNS CUBE DISTINCT ELSE EXCEPT EXISTS FILTER FROM GROUPING HAVING ILIKE IN
   INTERPOLATE INTERSECT INTERVAL IS JOIN LIKE LIMIT NOT OFFSET ON OR OVER PREWHERE QUALIFY REPLACE ROLLUP SELECT SETS
   THEN TO UNION USING VALUES WHEN WHERE WITH`.split(/\s+/),
);

/** `x IN name` reads a table when the name is not a column. */
const IN_FUNCTION = /^(global)?(not)?(null)?in(ignoreset)?$/i;

/**
 * Tables of the database in which user SQL runs (`information_schema`, which every server has and which holds none of
 * ours). A bare name is a view of ours, a table expression of the query, or nothing; it must not be one of these.
 */
const FORBIDDEN_TABLES: ReadonlySet<string> = new Set(
  `character_sets collations columns engines key_column_usage referential_constraints schemata statistics tables
   views`.split(/\s+/),
);
export const USER_SQL_DATABASE = 'information_schema';

/**
 * The first of two independent looks at a statement: its words. `canonical` is what `formatQuerySingleLine` made of the
 * user's text. Comes before anything of the statement is run, `EXPLAIN` included, and sees what the tree does not
 * print, such as functions inside `REPLACE`. Throws `MPLP_ERR_QUERY_FORBIDDEN` (403), or `MPLP_ERR_QUERY_INVALID`
 * (400) for what has a better way.
 */
export function judgeText(canonical: string): void {
  if (!/^\(*(SELECT|WITH|FROM)\b/.test(canonical))
    throw invalid('Only a SELECT statement is taken here; it may start with WITH.');
  const tokens = sqlTokens(canonical);
  const [format, name] = tokens.slice(-2);
  if (format?.kind === 'word' && format.text === 'FORMAT' && name?.kind === 'word') throw formatClause();
  let parameterEnd = 0;
  tokens.forEach((token, at) => {
    const next = tokens[at + 1];
    if (isParameter(tokens, at)) parameterEnd = endOfParameter(tokens, at);
    if (token.kind === 'quoted' && /[\\\u0000-\u001f\u007f]/.test(token.text))
      throw forbidden(
        `The quoted name ${JSON.stringify(token.text)} has a backslash or a control character in it.`,
      );
    if (token.kind === 'word' && token.text === 'OUTFILE' && tokens[at - 1]?.text === 'INTO')
      throw intoOutfile();
    if (token.kind === 'word' && token.text === 'APPLY') throw forbidden('APPLY is not allowed.');
    if (at < parameterEnd) {
      // A type: its parts in parentheses are no calls.
      if (/^identifier$/i.test(token.text))
        throw forbidden('Parameters of the type Identifier are not allowed: they could name any table.');
      return;
    }
    if (next?.kind !== 'symbol' || next.text !== '(') return;
    if (token.kind !== 'word' && token.kind !== 'quoted') return;
    if (isAllowedFunction(token.text) || isAllowedTableFunction(token.text)) return;
    if (token.kind === 'word' && KEYWORDS.has(token.text)) return;
    if (isColumnList(tokens, at)) return;
    throw forbidden(`The function ${token.text} is not allowed in a query.`);
  });
}

/** `{name:Type}` */
function isParameter(tokens: readonly SqlToken[], at: number): boolean {
  const [open, name, colon] = tokens.slice(at, at + 3);
  return open?.kind === 'symbol' && open.text === '{' && isName(name) && colon?.text === ':';
}

function endOfParameter(tokens: readonly SqlToken[], at: number): number {
  const length = tokens.slice(at).findIndex(({ kind, text }) => kind === 'symbol' && text === '}');
  return length < 0 ? tokens.length : at + length;
}

/** `… AS t(a, b)` and `WITH t (a, b) AS (…)`: names for columns, not a call. */
function isColumnList(tokens: readonly SqlToken[], at: number): boolean {
  let to = at + 2;
  while (isName(tokens[to]) && tokens[to + 1]?.text === ',') to += 2;
  if (!isName(tokens[to]) || tokens[to + 1]?.text !== ')') return false;
  const before = tokens[at - 1];
  const after = tokens[to + 2];
  const named = before?.kind === 'word' && before.text === 'AS';
  return named || (after?.kind === 'word' && after.text === 'AS' && tokens[to + 3]?.text === '(');
}

function isName(token: SqlToken | undefined): boolean {
  return token?.kind === 'word' || token?.kind === 'quoted';
}

interface Node {
  readonly type: string;
  readonly name: string;
  /** Place among its siblings, from 0. */
  readonly place: number;
}

const NODE_TYPE = /^( *)([A-Za-z:]+)/;

/**
 * The second look: the parse tree that `EXPLAIN AST` printed for the statement, for structure, tables and functions. A
 * quoted name with a line break could only add lines to it, and was refused already. Throws as `judgeText` does.
 */
export function judgeTree(tree: string): void {
  /** The nodes from the root to the current one. */
  const path: Node[] = [];
  const places: number[] = [];
  for (const line of tree.split('\n')) {
    if (line === '') continue;
    const match = NODE_TYPE.exec(line);
    if (match === null) throw forbidden('The query has a part that is not allowed.');
    const depth = (match[1] ?? '').length;
    places.length = depth + 1;
    const place = (places[depth] = (places[depth] ?? -1) + 1);
    path.length = depth;
    const node: Node = { type: match[2] ?? '', name: nameIn(line, match[0].length), place };
    judgeNode(node, path);
    path.push(node);
  }
}

/** `spans` in `TableIdentifier spans (alias s)`. A name with ` (` in it is cut there; nothing has such a name. */
function nameIn(line: string, from: number): string {
  const rest = line.slice(from + 1);
  if (rest.startsWith('(')) return '';
  const end = rest.indexOf(' (');
  return end < 0 ? rest : rest.slice(0, end);
}

function judgeNode(node: Node, path: readonly Node[]): void {
  const parent = path[path.length - 1];
  if (node.type === 'Set')
    throw forbidden('A SETTINGS clause is not allowed: the limits of queries are set by the configuration.');
  if (!NODES.has(node.type)) throw forbidden(`${node.type} is not allowed in a query.`);
  if (path.length === 1 && parent?.type === 'SelectWithUnionQuery' && node.place > 0) {
    if (node.type === 'Literal') throw intoOutfile();
    throw formatClause();
  }
  if (node.type === 'TableIdentifier') judgeTable(node.name);
  if (node.type === 'Function') {
    const asTable = parent?.type === 'TableExpression';
    if (asTable ? !isAllowedTableFunction(node.name) : !isAllowedFunction(node.name))
      throw forbidden(
        `The ${asTable ? 'table function' : 'function'} ${node.name} is not allowed in a query.`,
      );
  }
  const call = path[path.length - 2];
  if (
    node.type === 'Identifier' &&
    node.place === 1 &&
    call?.type === 'Function' &&
    IN_FUNCTION.test(call.name)
  )
    judgeTable(node.name);
}

function judgeTable(name: string): void {
  if (!/^[A-Za-z_][A-Za-z0-9_ -]*$/.test(name) || FORBIDDEN_TABLES.has(name.toLowerCase()))
    throw forbidden(`The table ${name} is not among the views that a query may read.`);
}

const formatClause = () =>
  invalid('Name the format in the member `format` of the request, not in a FORMAT clause.');
const intoOutfile = () => forbidden('INTO OUTFILE is not allowed.');
const forbidden = (detail: string) => new MplpError('MPLP_ERR_QUERY_FORBIDDEN', detail);
const invalid = (detail: string) => new MplpError('MPLP_ERR_QUERY_INVALID', detail);
