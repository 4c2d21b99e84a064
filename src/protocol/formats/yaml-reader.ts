import { Composer, isAlias, isMap, isScalar, isSeq, Parser, type CST, type Document, type Node } from 'yaml';
import { createFaultList, quote, Unreadable, type FaultList } from '../faults.js';
import { MAX_DEPTH, type StrictDocument } from '../strict-json.js';

/** A YAML text costs some hundred times its size in memory while it is read. */
export const MAX_YAML_BYTES = 512 * 1024;
/** Values that a document may have once its aliases stand for what they name. */
export const MAX_YAML_VALUES = 100_000;

/**
 * Reads one YAML 1.2 document (core schema) as the JSON value it stands for, with the rules of `readStrictJson`:
 * string keys, none repeated, none `__proto__`, finite numbers, `MAX_DEPTH`. Aliases are followed, but what they
 * expand to counts; tags beyond the core schema are refused.
 *
 * @returns The document, or `undefined` and at least one and at most `maxFaults` faults.
 */
export function readYaml(text: string, maxFaults: number): StrictDocument {
  const faults = createFaultList(maxFaults);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_YAML_BYTES) {
    faults.add('', 'maxBytes', `has ${bytes} bytes; YAML may have ${MAX_YAML_BYTES}`);
    return { value: undefined, faults: faults.faults };
  }
  const document = parse(text, faults);
  let value: unknown;
  try {
    if (document !== undefined) value = new Converter(document, faults).convert();
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
  }
  return { value: faults.faults.length === 0 ? value : undefined, faults: faults.faults };
}

/** The parser works without recursion; the composer does not, and code of V8's dies when it runs out of stack. */
function parse(text: string, faults: FaultList): Document.Parsed | undefined {
  const tokens = [...new Parser().parse(text)];
  if (isDeep(tokens)) {
    faults.add('', 'depth', `is nested deeper than ${MAX_DEPTH} levels`);
    return undefined;
  }
  const composer = new Composer({
    version: '1.2',
    schema: 'core',
    uniqueKeys: false,
    merge: false,
    logLevel: 'silent',
    prettyErrors: false,
  });
  const [document, ...others] = [...composer.compose(tokens, true, text.length)];
  if (document === undefined) faults.add('', 'syntax', 'is empty');
  else if (others.length > 0)
    faults.add('', 'syntax', `holds ${others.length + 1} documents; one is expected`);
  for (const problem of [...(document?.errors ?? []), ...(document?.warnings ?? [])])
    faults.add('', 'syntax', `is not valid YAML at character ${problem.pos[0]}: ${problem.message}`);
  return faults.faults.length === 0 ? (document as Document.Parsed) : undefined;
}

/** Are there more levels of tokens than a document of `MAX_DEPTH` levels can have? */
function isDeep(tokens: readonly CST.Token[]): boolean {
  let level: readonly unknown[] = tokens;
  // The document, and an empty token or two around it, are levels of their own.
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH + 4) return true;
    level = level.flatMap((token) => {
      const { items = [], value } = token as { items?: CST.CollectionItem[]; value?: unknown };
      return [...items.flatMap((item) => [item.key, item.value]), value].filter(isToken);
    });
  }
  return false;
}

function isToken(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'type' in value;
}

class Converter {
  private values = 0;
  private aliases = 0;
  private readonly anchors = new Map<string, Node>();
  private readonly path: (string | number)[] = [];

  constructor(
    private readonly document: Document.Parsed,
    private readonly faults: FaultList,
  ) {}

  convert(): unknown {
    return this.valueOf(this.document.contents);
  }

  private valueOf(node: unknown): unknown {
    this.values += 1;
    if (this.values > MAX_YAML_VALUES)
      this.fail('maxValues', `has more than ${MAX_YAML_VALUES} values, those behind aliases included`);
    if (node === null) return null;
    if (isAlias(node)) return this.aliased(node.source, (target) => this.valueOf(target));
    this.remember(node);
    if (isScalar(node)) return this.scalar(node.value);
    if (this.path.length >= MAX_DEPTH) this.fail('depth', `is nested deeper than ${MAX_DEPTH} levels`);
    if (isSeq(node)) return this.items(node.items);
    if (isMap(node)) return this.members(node.items);
    return this.fail('type', 'is not a value that JSON has');
  }

  private items(nodes: readonly unknown[]): unknown[] {
    return nodes.map((node, index) => this.at(index, () => this.valueOf(node)));
  }

  private members(pairs: readonly { key: unknown; value: unknown }[]): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    for (const pair of pairs) {
      const key = this.keyOf(pair.key as Node | null);
      this.at(key, () => {
        if (key === '__proto__') this.note('protoKey', 'the key __proto__ is not allowed');
        else if (Object.hasOwn(object, key))
          this.note('duplicateKey', 'the key is in this mapping more than once');
        else object[key] = this.valueOf(pair.value);
      });
    }
    return object;
  }

  /** JSON's keys are strings; a number or word that YAML read out of a plain key is its text. */
  private keyOf(node: Node | null): string {
    if (isAlias(node)) return this.aliased(node.source, (target) => this.keyOf(target));
    this.remember(node);
    if (isScalar(node) && typeof node.value === 'string') return node.value;
    if (isScalar(node) && typeof node.source === 'string') return node.source;
    return this.fail('keyType', 'has a key that is not a string');
  }

  /** Anchors are looked up here: the parser's own look-up walks the document once an alias. */
  private remember(node: unknown): void {
    const anchor = (node as { anchor?: unknown } | null)?.anchor;
    if (typeof anchor === 'string' && this.aliases === 0) this.anchors.set(anchor, node as Node);
  }

  private aliased<T>(name: string, use: (target: Node) => T): T {
    const target = this.anchors.get(name) ?? this.fail('alias', `has an alias ${quote(name)} of nothing`);
    this.aliases += 1;
    const result = use(target);
    this.aliases -= 1;
    return result;
  }

  private scalar(value: unknown): unknown {
    if (typeof value === 'number' && !Number.isFinite(value))
      this.note('number', `${value} is not a number that JSON has`);
    if (typeof value === 'string' && /\p{Surrogate}/u.test(value))
      this.note('loneSurrogate', `has a lone surrogate in the string ${quote(value)}`);
    if (value === undefined) return null;
    if (typeof value === 'object' && value !== null) this.note('type', 'is not a value that JSON has');
    if (typeof value === 'bigint') return Number(value);
    return value;
  }

  private at<T>(token: string | number, run: () => T): T {
    this.path.push(token);
    const result = run();
    this.path.pop();
    return result;
  }

  private note(keyword: string, message: string): void {
    this.faults.add(this.path, keyword, message);
    if (this.faults.isFull) throw new Unreadable();
  }

  private fail(keyword: string, message: string): never {
    this.faults.add(this.path, keyword, message);
    throw new Unreadable();
  }
}
