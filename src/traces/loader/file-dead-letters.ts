import { createHash } from 'node:crypto';
import { errnoOf, nodeFiles, readWhole, removeIfThere, replaceFile } from '../spool/files.js';
import type { DeadLetter, DeadLetterStore } from './contract.js';

/** Dead letters as pairs of files, for when ClickHouse does not take them either. */
export function createFileDeadLetters(dataDir: string): DeadLetterStore {
  const files = nodeFiles();
  const directory = `${dataDir}/dead-letters`;
  const nameOf = (id: string): string => createHash('sha256').update(id).digest('hex').slice(0, 32);
  return {
    async put(letter, block) {
      await files.makeDirectory(directory);
      const name = nameOf(letter.id);
      await replaceFile(files, directory, `${name}.native`, [block]);
      await replaceFile(files, directory, `${name}.json`, [Buffer.from(`${JSON.stringify(letter)}\n`)]);
    },
    async list() {
      const names = await files.list(directory).catch((error: unknown) => {
        if (errnoOf(error) === 'ENOENT') return [];
        throw error;
      });
      const letters: DeadLetter[] = [];
      for (const name of names.filter((known) => known.endsWith('.json'))) {
        letters.push(JSON.parse((await readWhole(files, `${directory}/${name}`)).toString()) as DeadLetter);
      }
      return letters.sort((a, b) => a.failedAtMs - b.failedAtMs);
    },
    async read(id) {
      try {
        return await readWhole(files, `${directory}/${nameOf(id)}.native`);
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return undefined;
        throw error;
      }
    },
    async remove(id) {
      // The description last: what it describes must not outlive it unseen.
      await removeIfThere(files, `${directory}/${nameOf(id)}.native`);
      await removeIfThere(files, `${directory}/${nameOf(id)}.json`);
    },
  };
}
