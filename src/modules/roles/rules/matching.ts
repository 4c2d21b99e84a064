/** What somebody wants to do, as far as permissions name it. */
export interface Target {
  /** `context`, `plan`, `execution`, … */
  readonly resource: string;
  /** Which of them; not given for all of them: a list, a creation. */
  readonly resourceId?: string | undefined;
  readonly action: string;
}

const ANY = '*';

/** `context`, `context/{id}`, `*`: everything before the first slash is the type. */
export function matchesResource(pattern: string, { resource, resourceId }: Target): boolean {
  const slash = pattern.indexOf('/');
  const type = slash < 0 ? pattern : pattern.slice(0, slash);
  if (type !== ANY && type !== resource) return false;
  if (slash < 0) return true;
  const id = pattern.slice(slash + 1);
  return id === ANY || id === resourceId;
}

/** Whether a pattern is of the type, be it of all or of one. */
export function matchesType(pattern: string, { resource }: Target): boolean {
  const [type] = pattern.split('/', 1);
  return type === ANY || type === resource;
}

/** Names, `read|write` for several, `*` for all. */
export function matchesAction(patterns: readonly unknown[], { action }: Target): boolean {
  return patterns.some(
    (pattern) =>
      typeof pattern === 'string' && pattern.split('|').some((name) => name === ANY || name === action),
  );
}
