/** A change as engines tell it to each other: `version text`. */
export interface Hint {
  readonly text: string;
  readonly version: number;
}

const DELETED = 'deleted';

export function writeHint(text: string, version: number): string {
  return `${version === Infinity ? DELETED : version} ${text}`;
}

/** `undefined` for anything that is not a hint. */
export function readHint(message: string): Hint | undefined {
  const match = /^(\d{1,16}|deleted) (mplp:[\w.%:-]+)$/.exec(message);
  if (match === null) return undefined;
  const [, version = '', text = ''] = match;
  return { text, version: version === DELETED ? Infinity : Number(version) };
}
