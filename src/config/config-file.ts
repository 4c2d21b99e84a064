import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';

/** The members of a configuration file (YAML; JSON is a part of it). Throws an Error that holds no text of the file. */
export function readConfigFile(path: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`, {
      cause: error,
    });
  }
  // Messages of the parser quote the file, which can hold secrets: only the code and the place are told.
  const document = parseDocument(text, { prettyErrors: false });
  const fault = document.errors[0];
  if (fault !== undefined) {
    const line = text.slice(0, fault.pos[0]).split('\n').length;
    throw new Error(`is not valid YAML or JSON (${fault.code} in line ${line})`);
  }
  const value: unknown = document.toJS();
  if (value === null || value === undefined) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new Error('must hold one object of options');
  return value as Record<string, unknown>;
}
