import fs from 'node:fs';

/**
 * The file operations of the spool, so that tests can fail the N-th of them. Every method may reject with a
 * Node `ErrnoException`. File descriptors are plain numbers.
 */
export interface SpoolFiles {
  open(path: string, flags: 'r' | 'r+' | 'wx'): Promise<number>;
  close(fd: number): Promise<void>;
  /** Bytes written at `position`, which may be fewer than given. */
  write(fd: number, buffers: readonly Uint8Array[], position: number): Promise<number>;
  /** Bytes read into `into`, 0 at the end of the file. */
  read(fd: number, into: Uint8Array, position: number): Promise<number>;
  dataSync(fd: number): Promise<void>;
  truncate(fd: number, length: number): Promise<void>;
  size(path: string): Promise<number>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  makeDirectory(path: string): Promise<void>;
  list(directory: string): Promise<string[]>;
  /** Makes creations, renames and deletions in the directory durable. */
  syncDirectory(directory: string): Promise<void>;
  freeBytes(path: string): Promise<number>;
}

/** The real thing, over libuv's thread pool with bare descriptors (no FileHandle object on the hot path). */
export function nodeFiles(): SpoolFiles {
  const fsp = fs.promises;
  return {
    open: (path, flags) => call<number>((done) => fs.open(path, flags, 0o600, done)),
    close: (fd) => call<void>((done) => fs.close(fd, done)),
    write: (fd, buffers, position) =>
      new Promise((resolve, reject) => {
        fs.writev(fd, buffers as Uint8Array[], position, (error, written) => {
          if (error) reject(error);
          else resolve(written);
        });
      }),
    read: (fd, into, position) =>
      new Promise((resolve, reject) => {
        fs.read(fd, into, 0, into.byteLength, position, (error, bytes) => {
          if (error) reject(error);
          else resolve(bytes);
        });
      }),
    dataSync: (fd) => call<void>((done) => fs.fdatasync(fd, done)),
    truncate: (fd, length) => call<void>((done) => fs.ftruncate(fd, length, done)),
    size: async (path) => (await fsp.stat(path)).size,
    rename: (from, to) => fsp.rename(from, to),
    unlink: (path) => fsp.unlink(path),
    makeDirectory: async (path) => void (await fsp.mkdir(path, { recursive: true, mode: 0o700 })),
    list: (directory) => fsp.readdir(directory),
    async syncDirectory(directory) {
      const handle = await fsp.open(directory, 'r');
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    },
    async freeBytes(path) {
      const stat = await fsp.statfs(path);
      return stat.bavail * stat.bsize;
    },
  };
}

function call<T>(
  start: (done: (error: NodeJS.ErrnoException | null, value?: T) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => {
      if (error) reject(error);
      else resolve(value as T);
    });
  });
}

/** `ENOENT` and the like; '' for anything that is not a system error. */
export function errnoOf(error: unknown): string {
  return error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? '') : '';
}

/** Repeats an interrupted call. EINTR consumes no error state of the file, so even a sync may be repeated. */
async function uninterrupted<T>(operation: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await operation();
    } catch (error) {
      if (errnoOf(error) !== 'EINTR') throw error;
    }
  }
}

/** Writes all of `buffers` at `position`, going on after short writes. Resolves with the end position. */
export async function writeAll(
  files: SpoolFiles,
  fd: number,
  buffers: readonly Uint8Array[],
  position: number,
): Promise<number> {
  let rest = buffers;
  let at = position;
  for (;;) {
    const pending = rest;
    const start = at;
    let written = await uninterrupted(() => files.write(fd, pending, start));
    at += written;
    let index = 0;
    while (index < rest.length && written >= rest[index]!.byteLength) written -= rest[index++]!.byteLength;
    if (index === rest.length) return at;
    rest = [rest[index]!.subarray(written), ...rest.slice(index + 1)];
  }
}

export async function syncFile(files: SpoolFiles, fd: number): Promise<void> {
  await uninterrupted(() => files.dataSync(fd));
}

/** Reads `[start, end)`; shorter when the file ends before. */
export async function readRange(files: SpoolFiles, fd: number, start: number, end: number): Promise<Buffer> {
  const into = Buffer.allocUnsafe(end - start);
  let filled = 0;
  while (filled < into.length) {
    const read = await uninterrupted(() => files.read(fd, into.subarray(filled), start + filled));
    if (read === 0) break;
    filled += read;
  }
  return into.subarray(0, filled);
}

export async function readWhole(files: SpoolFiles, path: string): Promise<Buffer> {
  const size = await files.size(path);
  const fd = await files.open(path, 'r');
  try {
    return await readRange(files, fd, 0, size);
  } finally {
    await files.close(fd);
  }
}

/** Puts a whole file in place atomically and durably: temporary file, sync, rename, directory sync. */
export async function replaceFile(
  files: SpoolFiles,
  directory: string,
  name: string,
  content: readonly Uint8Array[],
): Promise<void> {
  const temporary = `${directory}/${name}.tmp`;
  await removeIfThere(files, temporary);
  const fd = await files.open(temporary, 'wx');
  try {
    await writeAll(files, fd, content, 0);
    await syncFile(files, fd);
  } finally {
    await files.close(fd);
  }
  await files.rename(temporary, `${directory}/${name}`);
  await files.syncDirectory(directory);
}

export async function removeIfThere(files: SpoolFiles, path: string): Promise<boolean> {
  try {
    await files.unlink(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}
