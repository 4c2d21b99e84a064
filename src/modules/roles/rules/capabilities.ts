import {
  compareTexts,
  type Capability,
  type EffectiveCapability,
  type EffectiveRole,
  type Level,
} from './model.js';

/** From the lowest up. */
export const levels: readonly Level[] = ['basic', 'intermediate', 'advanced', 'expert'];

export interface RequiredCapability {
  readonly name: string;
  /** Of any type when not given. */
  readonly type?: Capability['type'];
  /** Any level when not given. */
  readonly level?: Level;
}

export interface MissingCapability extends RequiredCapability {
  /** The level that is there and too low. */
  readonly held: Level | undefined;
}

/** The higher one; of two on one level the one that is nearer, so that the order of roles plays no part. */
export function betterCapability(a: EffectiveCapability, b: EffectiveCapability): EffectiveCapability {
  const difference =
    levels.indexOf(b.level) - levels.indexOf(a.level) ||
    a.via.length - b.via.length ||
    compareTexts(a.via.join(), b.via.join()) ||
    compareTexts(a.rule, b.rule);
  return difference <= 0 ? a : b;
}

/** What all roles together can do: of each capability the highest level, by name and type. */
export function combineCapabilities(roles: readonly EffectiveRole[]): EffectiveCapability[] {
  const best = new Map<string, EffectiveCapability>();
  for (const { capabilities } of roles) for (const capability of capabilities) keepBest(best, capability);
  return [...best].sort(([a], [b]) => compareTexts(a, b)).map(([, capability]) => capability);
}

export function keepBest(best: Map<string, EffectiveCapability>, capability: EffectiveCapability): void {
  const key = capabilityKey(capability);
  const known = best.get(key);
  best.set(key, known === undefined ? capability : betterCapability(known, capability));
}

export function capabilityKey({ type, name }: Pick<Capability, 'type' | 'name'>): string {
  return `${type} ${name}`;
}

/** Those of the required ones that the roles lack; none when work can be taken. */
export function findMissingCapabilities(
  roles: readonly EffectiveRole[],
  required: readonly RequiredCapability[],
): MissingCapability[] {
  const held = combineCapabilities(roles);
  return required.flatMap((wanted) => {
    const [best] = held
      .filter(({ name, type }) => name === wanted.name && (wanted.type ?? type) === type)
      .map(({ level }) => level)
      .sort((a, b) => levels.indexOf(b) - levels.indexOf(a));
    const isEnough =
      best !== undefined &&
      (wanted.level === undefined || levels.indexOf(best) >= Math.max(0, levels.indexOf(wanted.level)));
    return isEnough ? [] : [{ ...wanted, held: best }];
  });
}
