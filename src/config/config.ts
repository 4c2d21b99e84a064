import type { optionTable, OptionName } from './options.js';

type ValueOf<S> = S extends { type: 'integer' | 'bytes' }
  ? number
  : S extends { type: 'listener' }
    ? number | undefined
    : S extends { type: 'networks' }
      ? readonly string[] | undefined
      : S extends { type: 'boolean' }
        ? boolean
        : S extends { type: 'enum'; values: readonly (infer V)[] }
          ? V
          : S extends { default: undefined }
            ? string | undefined
            : string;

/** The whole configuration: read once, checked, frozen. Nobody downstream has a default of its own. */
export type Config = { readonly [N in OptionName]: ValueOf<(typeof optionTable)[N]> };
