import { createRequire } from 'node:module';
import { MplpError } from '../errors/index.js';
import type { NativeAddon } from './contract.js';
import { wrapSpanDecoder, type RawSpanDecoder } from './span-decoder.js';

export type {
  Block,
  BodyForm,
  DecodeOptions,
  DecodeResult,
  NativeAddon,
  SpanDecoder,
  TailFilter,
} from './contract.js';

const addonPath = '../../build/Release/mplp.node';

interface RawAddon extends Omit<NativeAddon, 'createSpanDecoder'> {
  createSpanDecoder(): RawSpanDecoder;
}

/**
 * Loads the native addon, the only `.node` file of the engine proper. Cheap after the first call of a thread:
 * Node keeps loaded addons, and each worker thread gets an instance of its own.
 *
 * @throws MplpError `MPLP_ERR_NATIVE_UNAVAILABLE` when it was not built or was built for another platform.
 */
export function loadNative(): NativeAddon {
  const raw = requireAddon();
  return {
    createSpanDecoder: () => wrapSpanDecoder(raw.createSpanDecoder()),
    contentHash: raw.contentHash,
    crc32c: raw.crc32c,
    copyBytes: raw.copyBytes,
    instructionSet: raw.instructionSet,
    columns: raw.columns,
  };
}

function requireAddon(): RawAddon {
  try {
    return createRequire(import.meta.url)(addonPath) as RawAddon;
  } catch (cause) {
    throw new MplpError(
      'MPLP_ERR_NATIVE_UNAVAILABLE',
      'The native addon cannot be loaded; `npm run build` makes it.',
      { cause },
    );
  }
}
