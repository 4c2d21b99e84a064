import { quote, type FaultList, type Path } from './faults.js';
import {
  MAX_VALUE_DEPTH,
  type OtlpAnyValue,
  type OtlpEntityReference,
  type OtlpEvent,
  type OtlpKeyValue,
  type OtlpLink,
  type OtlpResource,
  type OtlpScope,
  type OtlpSpan,
} from './otlp-document.js';
import { setList, setLong, setNumber, setText, spellDouble } from './otlp-protobuf.js';
import { NumberText } from './strict-json.js';

const MAX_UINT32 = 2n ** 32n - 1n;
const MAX_INT32 = 2n ** 31n - 1n;
const MAX_UINT64 = 2n ** 64n - 1n;
const MAX_INT64 = 2n ** 63n - 1n;
const WHOLE = /^-?\d{1,20}$/;
const JSON_NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

type Json = Record<string, unknown>;
type Reader = (value: unknown, path: Path) => void;

/**
 * Reads messages of the OTLP trace protocol from JSON values that `readStrictJson` read with `keepsNumbers`, and lists
 * their faults. Rules of JSON of Protocol Buffers: unknown members are ignored, `null` is absent, names may be spelled
 * as in the proto file, integers are numbers or strings; and of OTLP: ids in hex, enums as integers.
 */
export class OtlpJsonReader {
  constructor(private readonly faults: FaultList) {}

  readSpan(value: unknown): OtlpSpan {
    const span: OtlpSpan = {};
    this.message(value, [], {
      traceId: (v, path) => setText(span, 'traceId', this.id(v, 16, path)),
      spanId: (v, path) => setText(span, 'spanId', this.id(v, 8, path)),
      parentSpanId: (v, path) => setText(span, 'parentSpanId', this.id(v, 8, path)),
      traceState: (v, path) => setText(span, 'traceState', this.text(v, path)),
      name: (v, path) => setText(span, 'name', this.text(v, path)),
      kind: (v, path) => setNumber(span, 'kind', this.enumeration(v, path)),
      startTimeUnixNano: (v, path) => setLong(span, 'startTimeUnixNano', this.unsigned(v, MAX_UINT64, path)),
      endTimeUnixNano: (v, path) => setLong(span, 'endTimeUnixNano', this.unsigned(v, MAX_UINT64, path)),
      attributes: (v, path) => setList(span, 'attributes', this.attributes(v, path)),
      droppedAttributesCount: (v, path) => setNumber(span, 'droppedAttributesCount', this.uint32(v, path)),
      events: (v, path) => setList(span, 'events', this.list(v, path, (e, at) => this.event(e, at))),
      droppedEventsCount: (v, path) => setNumber(span, 'droppedEventsCount', this.uint32(v, path)),
      links: (v, path) => setList(span, 'links', this.list(v, path, (l, at) => this.link(l, at))),
      droppedLinksCount: (v, path) => setNumber(span, 'droppedLinksCount', this.uint32(v, path)),
      flags: (v, path) => setNumber(span, 'flags', this.uint32(v, path)),
      status: (v, path) => {
        const status: NonNullable<OtlpSpan['status']> = {};
        this.message(v, path, {
          message: (m, at) => setText(status, 'message', this.text(m, at)),
          code: (c, at) => setNumber(status, 'code', this.enumeration(c, at)),
        });
        if (Object.keys(status).length > 0) span.status = status;
      },
    });
    return span;
  }

  readResource(value: unknown): OtlpResource {
    const resource: OtlpResource = {};
    if (value === null) return resource;
    this.message(value, [], {
      attributes: (v, path) => setList(resource, 'attributes', this.attributes(v, path)),
      droppedAttributesCount: (v, path) =>
        setNumber(resource, 'droppedAttributesCount', this.uint32(v, path)),
      entityRefs: (v, path) =>
        setList(resource, 'entityRefs', this.list(v, path, (r, at) => this.entityReference(r, at))),
    });
    return resource;
  }

  readScope(value: unknown): OtlpScope {
    const scope: OtlpScope = {};
    if (value === null) return scope;
    this.message(value, [], {
      name: (v, path) => setText(scope, 'name', this.text(v, path)),
      version: (v, path) => setText(scope, 'version', this.text(v, path)),
      attributes: (v, path) => setList(scope, 'attributes', this.attributes(v, path)),
      droppedAttributesCount: (v, path) => setNumber(scope, 'droppedAttributesCount', this.uint32(v, path)),
    });
    return scope;
  }

  private entityReference(value: unknown, path: Path): OtlpEntityReference {
    const reference: OtlpEntityReference = {};
    const texts: (v: unknown, at: Path) => string[] = (v, at) =>
      this.list(v, at, (text, where) => this.string(text, where));
    this.message(value, path, {
      schemaUrl: (v, at) => setText(reference, 'schemaUrl', this.text(v, at)),
      type: (v, at) => setText(reference, 'type', this.text(v, at)),
      idKeys: (v, at) => setList(reference, 'idKeys', texts(v, at)),
      descriptionKeys: (v, at) => setList(reference, 'descriptionKeys', texts(v, at)),
    });
    return reference;
  }

  private event(value: unknown, path: Path): OtlpEvent {
    const event: OtlpEvent = {};
    this.message(value, path, {
      timeUnixNano: (v, at) => setLong(event, 'timeUnixNano', this.unsigned(v, MAX_UINT64, at)),
      name: (v, at) => setText(event, 'name', this.text(v, at)),
      attributes: (v, at) => setList(event, 'attributes', this.attributes(v, at)),
      droppedAttributesCount: (v, at) => setNumber(event, 'droppedAttributesCount', this.uint32(v, at)),
    });
    return event;
  }

  private link(value: unknown, path: Path): OtlpLink {
    const link: OtlpLink = {};
    this.message(value, path, {
      traceId: (v, at) => setText(link, 'traceId', this.id(v, 16, at)),
      spanId: (v, at) => setText(link, 'spanId', this.id(v, 8, at)),
      traceState: (v, at) => setText(link, 'traceState', this.text(v, at)),
      attributes: (v, at) => setList(link, 'attributes', this.attributes(v, at)),
      droppedAttributesCount: (v, at) => setNumber(link, 'droppedAttributesCount', this.uint32(v, at)),
      flags: (v, at) => setNumber(link, 'flags', this.uint32(v, at)),
    });
    return link;
  }

  private attributes(value: unknown, path: Path): OtlpKeyValue[] {
    return this.list(value, path, (pair, at) => this.keyValue(pair, at, 1));
  }

  private keyValue(value: unknown, path: Path, depth: number): OtlpKeyValue {
    const pair: OtlpKeyValue = {};
    this.message(value, path, {
      key: (v, at) => setText(pair, 'key', this.text(v, at)),
      value: (v, at) => {
        pair.value = this.anyValue(v, at, depth);
      },
    });
    return pair;
  }

  private anyValue(value: unknown, path: Path, depth: number): OtlpAnyValue {
    if (depth > MAX_VALUE_DEPTH) {
      this.faults.add(path, 'depth', `has values nested deeper than ${MAX_VALUE_DEPTH} levels`);
      return {};
    }
    const found: OtlpAnyValue[] = [];
    const values = (v: unknown, at: Path, read: (item: unknown, where: Path) => unknown) => {
      let list: unknown[] = [];
      this.message(v, at, {
        values: (items, where) => {
          list = this.list(items, where, read);
        },
      });
      return list.length > 0 ? { values: list } : {};
    };
    this.message(value, path, {
      stringValue: (v, at) => found.push({ stringValue: this.string(v, at) }),
      boolValue: (v, at) => {
        if (typeof v !== 'boolean') this.refuse(at, 'true or false', v);
        found.push({ boolValue: v === true });
      },
      intValue: (v, at) => found.push({ intValue: String(this.whole(v, -MAX_INT64 - 1n, MAX_INT64, at)) }),
      doubleValue: (v, at) => found.push({ doubleValue: this.double(v, at) }),
      bytesValue: (v, at) => found.push({ bytesValue: this.base64(v, at) }),
      arrayValue: (v, at) =>
        found.push({
          arrayValue: values(v, at, (item, where) => this.anyValue(item, where, depth + 1)),
        } as OtlpAnyValue),
      kvlistValue: (v, at) =>
        found.push({
          kvlistValue: values(v, at, (item, where) => this.keyValue(item, where, depth + 1)),
        } as OtlpAnyValue),
    });
    if (found.length > 1) this.faults.add(path, 'oneOf', 'has more than one value');
    return found[0] ?? {};
  }

  /** Calls the reader of each member; members named twice, in two spellings, are a fault. */
  private message(value: unknown, path: Path, readers: Readonly<Record<string, Reader>>): void {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof NumberText) {
      this.refuse(path, 'an object', value);
      return;
    }
    const members = value as Json;
    for (const [name, read] of Object.entries(readers)) {
      const protoName = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      if (name !== protoName && name in members && protoName in members)
        this.faults.add([...path, protoName], 'duplicateKey', `is the same member as ${name}`);
      const member = members[name] ?? members[protoName] ?? null;
      if (member !== null) read(member, [...path, name in members ? name : protoName]);
    }
  }

  private list<T>(value: unknown, path: Path, read: (item: unknown, at: Path) => T): T[] {
    if (Array.isArray(value)) return value.map((item, index) => read(item, [...path, index]));
    this.refuse(path, 'an array', value);
    return [];
  }

  private text(value: unknown, path: Path): string {
    return this.string(value, path);
  }

  private string(value: unknown, path: Path): string {
    if (typeof value === 'string') return value;
    this.refuse(path, 'a string', value);
    return '';
  }

  private id(value: unknown, size: number, path: Path): string {
    const text = this.string(value, path);
    if (text === '' || (text.length === 2 * size && /^[0-9a-fA-F]*$/.test(text))) return text.toLowerCase();
    this.faults.add(path, 'idLength', `must have ${2 * size} hexadecimal digits, not ${quote(text)}`);
    return '';
  }

  private whole(value: unknown, min: bigint, max: bigint, path: Path): bigint {
    const text = value instanceof NumberText ? value.text : value;
    if (typeof text !== 'string' || !WHOLE.test(text)) {
      this.refuse(path, 'a whole number', value);
      return 0n;
    }
    const number = BigInt(text);
    if (number >= min && number <= max) return number;
    this.faults.add(path, 'range', `must be from ${min} to ${max}, not ${number}`);
    return 0n;
  }

  private unsigned(value: unknown, max: bigint, path: Path): bigint {
    return this.whole(value, 0n, max, path);
  }

  private uint32(value: unknown, path: Path): number {
    return Number(this.unsigned(value, MAX_UINT32, path));
  }

  private enumeration(value: unknown, path: Path): number {
    if (value instanceof NumberText) return Number(this.whole(value, -MAX_INT32 - 1n, MAX_INT32, path));
    this.refuse(path, 'the integer of an enum', value);
    return 0;
  }

  private double(value: unknown, path: Path): number | 'NaN' | 'Infinity' | '-Infinity' {
    if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return value;
    const text = value instanceof NumberText ? value.text : value;
    if (typeof text === 'string' && JSON_NUMBER.test(text) && Number.isFinite(Number(text)))
      return spellDouble(Number(text));
    this.refuse(path, 'a number', value);
    return 0;
  }

  private base64(value: unknown, path: Path): string {
    const text = this.string(value, path);
    const digits = text.replace(/={1,2}$/, '');
    const isPadded = digits.length !== text.length;
    if (!BASE64.test(text) || digits.length % 4 === 1 || (isPadded && text.length % 4 !== 0)) {
      this.faults.add(path, 'base64', `must be base64, not ${quote(text)}`);
      return '';
    }
    return Buffer.from(digits, 'base64').toString('base64');
  }

  private refuse(path: Path, what: string, value: unknown): void {
    const got =
      value === null
        ? 'null'
        : Array.isArray(value)
          ? 'an array'
          : value instanceof NumberText
            ? `the number ${quote(value.text)}`
            : typeof value === 'string'
              ? quote(value)
              : typeof value === 'object'
                ? 'an object'
                : String(value);
    this.faults.add(path, 'type', `must be ${what}, not ${got}`);
  }
}
