/** Numbers that look random and are the same for the same seed. */
export interface Random {
  /** At least 0, less than 1. */
  next(): number;
  between(low: number, high: number): number;
  whole(low: number, high: number): number;
  pick<T>(choices: readonly T[]): T;
  chance(probability: number): boolean;
  uuid(): string;
}

/** The generator xorshift32 (G. Marsaglia, 2003): a made-up fleet needs no better one. */
export function createRandom(seed: number): Random {
  // Neighbouring seeds must not give neighbouring numbers, and zero would stay zero.
  let state = Math.imul(seed | 0, 0x9e3779b1) ^ 0x85ebca6b || 1;
  const bits = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  const random: Random = {
    next: () => bits() / 2 ** 32,
    between: (low, high) => low + random.next() * (high - low),
    whole: (low, high) => Math.floor(random.between(low, high + 1)),
    pick: (choices) => choices[random.whole(0, choices.length - 1)] as (typeof choices)[number],
    chance: (probability) => random.next() < probability,
    uuid() {
      const hex = Array.from({ length: 4 }, () => bits().toString(16).padStart(8, '0')).join('');
      const variant = ((parseInt(hex.charAt(16), 16) & 3) | 8).toString(16);
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
    },
  };
  return random;
}
