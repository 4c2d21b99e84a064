import { basename } from 'node:path';
import { errnoOf, replaceFile, type SpoolFiles } from './files.js';

/** What is wrong with quarantined bytes; written beside them as JSON. */
export interface QuarantineNote {
  readonly segment: string;
  readonly reason: string;
  readonly rows?: number;
  readonly offset?: number;
  readonly crc32c?: number;
}

export interface Quarantine {
  /** Keeps a copy of damaged bytes. The same `name` again replaces the copy, so an interrupted recovery may repeat. */
  copy(name: string, bytes: Uint8Array, note: QuarantineNote): Promise<void>;
  /** Moves whole files away. */
  move(paths: readonly string[], note: QuarantineNote): Promise<void>;
}

export function createQuarantine(files: SpoolFiles, directory: string): Quarantine {
  const writeNote = (name: string, note: QuarantineNote): Promise<void> =>
    replaceFile(files, directory, `${name}.json`, [Buffer.from(`${JSON.stringify(note, null, 1)}\n`)]);
  return {
    async copy(name, bytes, note) {
      await files.makeDirectory(directory);
      await replaceFile(files, directory, `${name}.bytes`, [bytes]);
      await writeNote(name, note);
    },
    async move(paths, note) {
      await files.makeDirectory(directory);
      await writeNote(note.segment, note);
      for (const path of paths) {
        try {
          await files.rename(path, `${directory}/${basename(path)}`);
        } catch (error) {
          if (errnoOf(error) !== 'ENOENT') throw error;
        }
      }
      await files.syncDirectory(directory);
    },
  };
}
