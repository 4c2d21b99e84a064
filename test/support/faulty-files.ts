import { nodeFiles, type SpoolFiles } from '#dist/traces/spool/index.js';

/** Real files without the waits: what a test of many recoveries needs. */
export function unsyncedFiles(): SpoolFiles {
  const nothing = (): Promise<void> => Promise.resolve();
  return { ...nodeFiles(), dataSync: nothing, syncDirectory: nothing };
}

export interface FaultyFiles {
  readonly files: SpoolFiles;
  /** Calls of every operation so far. */
  readonly calls: Map<keyof SpoolFiles, number>;
  /** Decides each call: an errno makes it fail, `short` makes a write write half, `undefined` lets it pass. */
  decide: (operation: keyof SpoolFiles, call: number, path: string | undefined) => string | undefined;
}

/** The real files with faults in between. */
export function faultyFiles(base: SpoolFiles = nodeFiles()): FaultyFiles {
  const calls = new Map<keyof SpoolFiles, number>();
  const paths = new Map<number, string>();
  const faulty: FaultyFiles = { files: {} as SpoolFiles, calls, decide: () => undefined };
  for (const operation of Object.keys(base) as (keyof SpoolFiles)[]) {
    const real = base[operation] as (...given: unknown[]) => Promise<unknown>;
    const wrapped = async (...given: unknown[]): Promise<unknown> => {
      const call = (calls.get(operation) ?? 0) + 1;
      calls.set(operation, call);
      const path = typeof given[0] === 'string' ? given[0] : paths.get(given[0] as number);
      const fault = faulty.decide(operation, call, path);
      if (fault === 'short') given[1] = halved(given[1] as Uint8Array[]);
      else if (fault !== undefined)
        throw Object.assign(new Error(`${fault}: injected, ${operation}`), { code: fault });
      const result = await real(...given);
      if (operation === 'open') paths.set(result as number, given[0] as string);
      return result;
    };
    Object.assign(faulty.files, { [operation]: wrapped });
  }
  return faulty;
}

function halved(buffers: readonly Uint8Array[]): Uint8Array[] {
  const whole = Buffer.concat(buffers);
  return [whole.subarray(0, Math.max(1, whole.length >> 1))];
}

/** Files on a disk of `maxBytes`, counted by us: for machines where a test may not mount a real small one. */
export function smallDisk(maxBytes: number, base: SpoolFiles = nodeFiles()): SpoolFiles {
  const sizes = new Map<string, number>();
  const paths = new Map<number, string>();
  const used = (): number => [...sizes.values()].reduce((sum, size) => sum + size, 0);
  return {
    ...base,
    async open(path, flags) {
      const fd = await base.open(path, flags);
      paths.set(fd, path);
      return fd;
    },
    async write(fd, buffers, position) {
      const path = paths.get(fd)!;
      const end = position + buffers.reduce((sum, { byteLength }) => sum + byteLength, 0);
      const growth = Math.max(0, end - (sizes.get(path) ?? 0));
      if (used() + growth > maxBytes)
        throw Object.assign(new Error('ENOSPC: the small disk is full'), { code: 'ENOSPC' });
      const written = await base.write(fd, buffers, position);
      sizes.set(path, Math.max(sizes.get(path) ?? 0, position + written));
      return written;
    },
    async truncate(fd, length) {
      await base.truncate(fd, length);
      sizes.set(paths.get(fd)!, length);
    },
    async rename(from, to) {
      await base.rename(from, to);
      sizes.set(to, sizes.get(from) ?? 0);
      sizes.delete(from);
    },
    async unlink(path) {
      await base.unlink(path);
      sizes.delete(path);
    },
    freeBytes: () => Promise.resolve(maxBytes - used()),
  };
}
