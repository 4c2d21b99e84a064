import { quote, Unreadable, type FaultList, type Path } from './faults.js';
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
import { eachProtobufField, BrokenProtobuf, type ProtobufField } from './protobuf-fields.js';
import { decodeUtf8 } from './strict-json.js';

/**
 * Reads one message of the OTLP trace protocol and lists its faults. What is there is read as every reader of Protocol
 * Buffers would: unknown fields are skipped, of a singular field that occurs twice the last counts. Throws
 * `Unreadable` where reading on makes no sense; the fault is in the list.
 */
export class OtlpProtobufReader {
  constructor(
    private readonly bytes: Uint8Array,
    private readonly faults: FaultList,
  ) {}

  readSpan(): OtlpSpan {
    const span: OtlpSpan = {};
    const ids: Record<'traceId' | 'spanId' | 'parentSpanId', Uint8Array> = {
      traceId: NO_BYTES,
      spanId: NO_BYTES,
      parentSpanId: NO_BYTES,
    };
    let name = NO_BYTES;
    let traceState = NO_BYTES;
    let status = undefined as ProtobufField | undefined;
    const attributes: OtlpKeyValue[] = [];
    const events: OtlpEvent[] = [];
    const links: OtlpLink[] = [];
    this.each([], this.whole(), (field) => {
      switch (field.tag) {
        case 0x0a:
          ids.traceId = this.content(field);
          break;
        case 0x12:
          ids.spanId = this.content(field);
          break;
        case 0x1a:
          traceState = this.content(field);
          break;
        case 0x22:
          ids.parentSpanId = this.content(field);
          break;
        case 0x2a:
          name = this.content(field);
          break;
        case 0x30:
          setNumber(span, 'kind', int32(field.value));
          break;
        case 0x39:
          setLong(span, 'startTimeUnixNano', field.value);
          break;
        case 0x41:
          setLong(span, 'endTimeUnixNano', field.value);
          break;
        case 0x4a:
          attributes.push(this.readKeyValue(field, ['attributes', attributes.length], 1));
          break;
        case 0x50:
          setNumber(span, 'droppedAttributesCount', uint32(field.value));
          break;
        case 0x5a:
          events.push(this.readEvent(field, ['events', events.length]));
          break;
        case 0x60:
          setNumber(span, 'droppedEventsCount', uint32(field.value));
          break;
        case 0x6a:
          links.push(this.readLink(field, ['links', links.length]));
          break;
        case 0x70:
          setNumber(span, 'droppedLinksCount', uint32(field.value));
          break;
        case 0x7a:
          this.each(['status'], field, () => undefined);
          status = field;
          break;
        case 0x85:
          setNumber(span, 'flags', uint32(field.value));
          break;
        default:
      }
    });
    for (const key of ['traceId', 'spanId', 'parentSpanId'] as const) {
      const id = this.readId(ids[key], key === 'traceId' ? 16 : 8, [key]);
      if (id !== '') span[key] = id;
    }
    setText(span, 'name', this.text(name, ['name']));
    setText(span, 'traceState', this.text(traceState, ['traceState']));
    setList(span, 'attributes', attributes);
    setList(span, 'events', events);
    setList(span, 'links', links);
    if (status !== undefined) {
      const { code, message } = this.readStatus(status);
      const read = { ...(message !== '' && { message }), ...(code !== 0 && { code }) };
      if (Object.keys(read).length > 0) span.status = read;
    }
    return span;
  }

  readResource(): OtlpResource {
    const resource: OtlpResource = {};
    const attributes: OtlpKeyValue[] = [];
    const references: OtlpEntityReference[] = [];
    this.each([], this.whole(), (field) => {
      if (field.tag === 0x0a)
        attributes.push(this.readKeyValue(field, ['attributes', attributes.length], 1));
      else if (field.tag === 0x10) setNumber(resource, 'droppedAttributesCount', uint32(field.value));
      else if (field.tag === 0x1a)
        references.push(this.readEntityReference(field, ['entityRefs', references.length]));
    });
    setList(resource, 'attributes', attributes);
    setList(resource, 'entityRefs', references);
    return resource;
  }

  readScope(): OtlpScope {
    const scope: OtlpScope = {};
    let name = NO_BYTES;
    let version = NO_BYTES;
    const attributes: OtlpKeyValue[] = [];
    this.each([], this.whole(), (field) => {
      if (field.tag === 0x0a) name = this.content(field);
      else if (field.tag === 0x12) version = this.content(field);
      else if (field.tag === 0x1a)
        attributes.push(this.readKeyValue(field, ['attributes', attributes.length], 1));
      else if (field.tag === 0x20) setNumber(scope, 'droppedAttributesCount', uint32(field.value));
    });
    setText(scope, 'name', this.text(name, ['name']));
    setText(scope, 'version', this.text(version, ['version']));
    setList(scope, 'attributes', attributes);
    return scope;
  }

  private readEntityReference(message: ProtobufField, path: Path): OtlpEntityReference {
    const reference: OtlpEntityReference = {};
    let schemaUrl = NO_BYTES;
    let type = NO_BYTES;
    const idKeys: string[] = [];
    const descriptionKeys: string[] = [];
    this.each(path, message, (field) => {
      if (field.tag === 0x0a) schemaUrl = this.content(field);
      else if (field.tag === 0x12) type = this.content(field);
      else if (field.tag === 0x1a)
        idKeys.push(this.text(this.content(field), [...path, 'idKeys', idKeys.length]));
      else if (field.tag === 0x22)
        descriptionKeys.push(
          this.text(this.content(field), [...path, 'descriptionKeys', descriptionKeys.length]),
        );
    });
    setText(reference, 'schemaUrl', this.text(schemaUrl, [...path, 'schemaUrl']));
    setText(reference, 'type', this.text(type, [...path, 'type']));
    setList(reference, 'idKeys', idKeys);
    setList(reference, 'descriptionKeys', descriptionKeys);
    return reference;
  }

  private readStatus(message: ProtobufField): { code: number; message: string } {
    let text = NO_BYTES;
    let code = 0;
    this.each(['status'], message, (field) => {
      if (field.tag === 0x12) text = this.content(field);
      else if (field.tag === 0x18) code = int32(field.value);
    });
    return { code, message: this.text(text, ['status', 'message']) };
  }

  private readEvent(message: ProtobufField, path: Path): OtlpEvent {
    const event: OtlpEvent = {};
    let name = NO_BYTES;
    const attributes: OtlpKeyValue[] = [];
    this.each(path, message, (field) => {
      if (field.tag === 0x09) setLong(event, 'timeUnixNano', field.value);
      else if (field.tag === 0x12) name = this.content(field);
      else if (field.tag === 0x1a)
        attributes.push(this.readKeyValue(field, [...path, 'attributes', attributes.length], 1));
      else if (field.tag === 0x20) setNumber(event, 'droppedAttributesCount', uint32(field.value));
    });
    setText(event, 'name', this.text(name, [...path, 'name']));
    setList(event, 'attributes', attributes);
    return event;
  }

  private readLink(message: ProtobufField, path: Path): OtlpLink {
    const link: OtlpLink = {};
    let traceId = NO_BYTES;
    let spanId = NO_BYTES;
    let traceState = NO_BYTES;
    const attributes: OtlpKeyValue[] = [];
    this.each(path, message, (field) => {
      if (field.tag === 0x0a) traceId = this.content(field);
      else if (field.tag === 0x12) spanId = this.content(field);
      else if (field.tag === 0x1a) traceState = this.content(field);
      else if (field.tag === 0x22)
        attributes.push(this.readKeyValue(field, [...path, 'attributes', attributes.length], 1));
      else if (field.tag === 0x28) setNumber(link, 'droppedAttributesCount', uint32(field.value));
      else if (field.tag === 0x35) setNumber(link, 'flags', uint32(field.value));
    });
    setText(link, 'traceId', this.readId(traceId, 16, [...path, 'traceId']));
    setText(link, 'spanId', this.readId(spanId, 8, [...path, 'spanId']));
    setText(link, 'traceState', this.text(traceState, [...path, 'traceState']));
    setList(link, 'attributes', attributes);
    return link;
  }

  private readKeyValue(message: ProtobufField, path: Path, depth: number): OtlpKeyValue {
    let key = NO_BYTES;
    let value = undefined as ProtobufField | undefined;
    this.each(path, message, (field) => {
      if (field.tag === 0x0a) key = this.content(field);
      else if (field.tag === 0x12) {
        this.each([...path, 'value'], field, () => undefined);
        value = field;
      }
    });
    const pair: OtlpKeyValue = {};
    setText(pair, 'key', this.text(key, [...path, 'key']));
    if (value !== undefined) pair.value = this.readAnyValue(value, [...path, 'value'], depth);
    return pair;
  }

  private readAnyValue(message: ProtobufField, path: Path, depth: number): OtlpAnyValue {
    if (depth > MAX_VALUE_DEPTH) {
      this.faults.add(path, 'depth', `has values nested deeper than ${MAX_VALUE_DEPTH} levels`);
      throw new Unreadable();
    }
    let last = undefined as ProtobufField | undefined;
    this.each(path, message, (field) => {
      if (VALUE_TAGS.has(field.tag)) last = field;
    });
    if (last === undefined) return {};
    switch (last.tag) {
      case 0x0a:
        return { stringValue: this.text(this.content(last), [...path, 'stringValue']) };
      case 0x10:
        return { boolValue: last.value !== 0n };
      case 0x18:
        return { intValue: String(BigInt.asIntN(64, last.value)) };
      case 0x21:
        return { doubleValue: doubleOf(last.value) };
      case 0x2a: {
        const values: OtlpAnyValue[] = [];
        const inside = [...path, 'arrayValue'];
        this.each(inside, last, (field) => {
          if (field.tag === 0x0a)
            values.push(this.readAnyValue(field, [...inside, 'values', values.length], depth + 1));
        });
        return { arrayValue: values.length > 0 ? { values } : {} };
      }
      case 0x32: {
        const values: OtlpKeyValue[] = [];
        const inside = [...path, 'kvlistValue'];
        this.each(inside, last, (field) => {
          if (field.tag === 0x0a)
            values.push(this.readKeyValue(field, [...inside, 'values', values.length], depth + 1));
        });
        return { kvlistValue: values.length > 0 ? { values } : {} };
      }
      default:
        return { bytesValue: Buffer.from(this.content(last)).toString('base64') };
    }
  }

  private readId(id: Uint8Array, size: number, path: Path): string {
    if (id.length !== 0 && id.length !== size)
      this.faults.add(path, 'idLength', `must have ${size} bytes, not ${id.length}`);
    return Buffer.from(id).toString('hex');
  }

  private whole(): ProtobufField {
    return { tag: 0, value: 0n, start: 0, end: this.bytes.length };
  }

  private content(field: ProtobufField): Uint8Array {
    return this.bytes.subarray(field.start, field.end);
  }

  private text(bytes: Uint8Array, path: Path): string {
    const text = decodeUtf8(bytes);
    if (text !== undefined) return text;
    this.faults.add(path, 'utf8', `is not valid UTF-8: ${quote(Buffer.from(bytes).toString())}`);
    return '';
  }

  private each(path: Path, message: ProtobufField, visit: (field: ProtobufField) => void): void {
    try {
      eachProtobufField(this.bytes, message.start, message.end, visit);
    } catch (error) {
      if (!(error instanceof BrokenProtobuf)) throw error;
      this.faults.add(
        path,
        'syntax',
        `is not a valid protobuf message at byte ${error.offset}: ${error.message}`,
      );
      throw new Unreadable();
    }
  }
}

const NO_BYTES: Uint8Array = new Uint8Array(0);
/** The tags of AnyValue's oneof. */
const VALUE_TAGS = new Set([0x0a, 0x10, 0x18, 0x21, 0x2a, 0x32, 0x3a]);

const uint32 = (value: bigint): number => Number(BigInt.asUintN(32, value));
const int32 = (value: bigint): number => Number(BigInt.asIntN(32, value));

function doubleOf(bits: bigint): number | 'NaN' | 'Infinity' | '-Infinity' {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, bits);
  return spellDouble(view.getFloat64(0));
}

/** JSON has no word for these three; Protocol Buffers write them as strings. */
export function spellDouble(value: number): number | 'NaN' | 'Infinity' | '-Infinity' {
  if (Number.isFinite(value)) return value;
  return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
}

export function setNumber<K extends string>(target: { [P in K]?: number }, key: K, value: number): void {
  if (value === 0) delete target[key];
  else target[key] = value;
}

export function setLong<K extends string>(target: { [P in K]?: string }, key: K, value: bigint): void {
  if (value === 0n) delete target[key];
  else target[key] = String(value);
}

export function setText<K extends string>(target: { [P in K]?: string }, key: K, value: string): void {
  if (value !== '') target[key] = value;
}

export function setList<K extends string>(
  target: { [P in K]?: unknown },
  key: K,
  value: readonly unknown[],
): void {
  if (value.length > 0) target[key] = value;
}
