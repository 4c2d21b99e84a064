/** Freezes a JSON value and all that is in it. Without recursion: values come from outside and may be nested deeply. */
export function freezeDeeply<T>(value: T): T {
  const open: unknown[] = [value];
  while (open.length > 0) {
    const item = open.pop();
    if (typeof item !== 'object' || item === null) continue;
    Object.freeze(item);
    for (const member of Object.values(item)) if (typeof member === 'object') open.push(member);
  }
  return value;
}
