export type Level = 'ok' | 'warn' | 'fail';

/** What one look found, and what to do when it is not in order. */
export interface Finding {
  readonly level: Level;
  readonly name: string;
  readonly detail: string;
  readonly advice?: string;
}

export const ok = (name: string, detail: string): Finding => ({ level: 'ok', name, detail });
export const warn = (name: string, detail: string, advice: string): Finding => ({
  level: 'warn',
  name,
  detail,
  advice,
});
export const fail = (name: string, detail: string, advice: string): Finding => ({
  level: 'fail',
  name,
  detail,
  advice,
});
