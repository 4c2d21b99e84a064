export interface MemoryPool {
  /** Memory of at least `bytes`, with whatever was in it before. */
  take(bytes: number): SharedArrayBuffer;
  release(memory: SharedArrayBuffer): void;
}

/**
 * Shared memory that is used again and again. V8 does not count shared memory when it decides to collect garbage, least
 * of all in a decoder thread that makes little of it: memory made for one large body stayed for hundreds of them.
 *
 * Nothing is smaller than `leastBytes`; what is free beyond `maxFreeBytes` is left to the garbage collector.
 */
export function createMemoryPool(leastBytes: number, maxFreeBytes: number): MemoryPool {
  /** Smallest first; of the same size the one used last first, which the processor may still have at hand. */
  const free: SharedArrayBuffer[] = [];
  let freeBytes = 0;
  return {
    take(bytes) {
      const at = free.findIndex((memory) => memory.byteLength >= bytes);
      if (at < 0) return new SharedArrayBuffer(roundUp(Math.max(bytes, leastBytes)));
      const [memory] = free.splice(at, 1) as [SharedArrayBuffer];
      freeBytes -= memory.byteLength;
      return memory;
    },
    release(memory) {
      if (freeBytes + memory.byteLength > maxFreeBytes) return;
      const at = free.findIndex((other) => other.byteLength >= memory.byteLength);
      free.splice(at < 0 ? free.length : at, 0, memory);
      freeBytes += memory.byteLength;
    },
  };
}

/** To one of four sizes between powers of two, so that bodies of about one size share memory. */
function roundUp(bytes: number): number {
  const step = 2 ** Math.max(0, Math.floor(Math.log2(bytes)) - 2);
  return Math.ceil(bytes / step) * step;
}
