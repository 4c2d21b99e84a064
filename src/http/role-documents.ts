import { MplpError } from '../errors/index.js';
import { describeInheritanceFault, type Holdings } from '../modules/roles/index.js';

/** One rule can be inherited in many ways, and is written out for each. */
const MAX_BYTES = 4 * 1024 * 1024;

interface Origin {
  readonly roleId: string;
  readonly rule: string;
  readonly via: readonly string[];
}

/**
 * What a role has with all it inherits, as JSON text without its closing brace; each part says from which role, by which rule,
 * and over which roles it came.
 *
 * @throws MplpError MPLP_ERR_MODULES_LIMIT when that is too much to be written
 */
export function effectiveText(id: string, { resolved }: Holdings): string {
  let bytes = 0;
  const list = <Item extends Origin>(items: readonly Item[], shape: (item: Item) => object): string => {
    const texts = items.map((item) => {
      const { roleId: role_id, rule, via } = item;
      const text = JSON.stringify({ ...shape(item), role_id, rule, via });
      bytes += text.length;
      if (bytes > MAX_BYTES)
        throw new MplpError(
          'MPLP_ERR_MODULES_LIMIT',
          `What the role ${id} has with all it inherits is more than ${MAX_BYTES} bytes of JSON: ask its parents.`,
        );
      return text;
    });
    return `[${texts.join(',')}]`;
  };
  const [role] = resolved.roles;
  const capabilities = list(role?.capabilities ?? [], ({ name, type, level, parameters }) => ({
    name,
    type,
    level,
    parameters,
  }));
  const permissions = list(role?.rules ?? [], ({ effect, resource, actions, conditions, restrictions }) => ({
    effect,
    resource,
    actions,
    conditions,
    restrictions: restrictions.map((restriction) => ({
      ...restriction,
      conditions: restriction.conditions ?? null,
    })),
  }));
  const constraints = list(role?.constraints ?? [], ({ group, name, limit }) => ({ group, name, limit }));
  const faults = JSON.stringify(resolved.faults.map(describeInheritanceFault));
  const head = `{"role_id":"${id}","name":${JSON.stringify(role?.name ?? null)}`;
  return `${head},"capabilities":${capabilities},"permissions":${permissions},"constraints":${constraints},"faults":${faults}`;
}
