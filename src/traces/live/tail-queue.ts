import type { TailEvent, TailSpan } from './tail-hub.js';

interface Missed {
  readonly kind: 'missed';
  count: number;
}

type Queued = { readonly kind: 'span'; readonly span: TailSpan } | Missed;

/**
 * What waits for one subscriber, in order. Spans beyond the bound are counted in their place, so the reader learns of
 * the gap where it is. An empty queue takes any one span, or spans larger than the bound could never be seen.
 */
export class TailQueue {
  #items: Queued[] = [];
  #head = 0;
  #bytes = 0;

  constructor(readonly maxBytes: number) {}

  get isEmpty(): boolean {
    return this.#head === this.#items.length;
  }

  hasRoom(bytes: number): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= this.maxBytes;
  }

  push(span: TailSpan): void {
    this.#bytes += span.json.length;
    this.#items.push({ kind: 'span', span });
  }

  miss(count: number): void {
    const last = this.isEmpty ? undefined : this.#items[this.#items.length - 1];
    if (last?.kind === 'missed') last.count += count;
    else this.#items.push({ kind: 'missed', count });
  }

  shift(): TailEvent | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#head += 1;
    if (item.kind === 'span') this.#bytes -= item.span.json.length;
    if (this.isEmpty) {
      this.#items = [];
      this.#head = 0;
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#items.length) {
      this.#items.splice(0, this.#head);
      this.#head = 0;
    }
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
    this.#bytes = 0;
  }
}
