import { fileURLToPath } from 'node:url';

/** A bug: in a file below `dist`, this text, which must be there once, becomes that one. */
export interface PlantedBug {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** Environment of an engine that is as it ships, but for these bugs. */
export function plantedEnv(...bugs: PlantedBug[]): Record<string, string> {
  return {
    NODE_OPTIONS: `--import=${fileURLToPath(new URL('plant.mjs', import.meta.url))}`,
    MPLP_TEST_PLANT: JSON.stringify(bugs),
  };
}
