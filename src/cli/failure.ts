import { ClientError } from '../client/index.js';
import type { FieldError } from '../errors/index.js';
import { MplpError } from '../errors/index.js';
import { exitCodes } from './exit-codes.js';

/** A command cannot go on: what happened, and what the user can do about it. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';

  constructor(
    message: string,
    readonly hint = '',
    readonly exitCode: number = exitCodes.failed,
  ) {
    super(message);
  }
}

/** The user pressed Ctrl-C, or the process was told to end. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** Turns any error into the lines that the user sees and the exit code. Unknown ones are bugs and show their stack. */
export function explain(error: unknown): { lines: string[]; exitCode: number } {
  if (error instanceof Interrupted) return { lines: [], exitCode: exitCodes.interrupted };
  if (error instanceof CommandFailure)
    return { lines: [error.message, error.hint], exitCode: error.exitCode };
  if (error instanceof ClientError) {
    // A fault of the whole says the same as the message.
    const faults = (error.problem?.errors ?? [])
      .filter((fault) => (fault as Partial<FieldError>).message !== error.message)
      .slice(0, 10)
      .map(describeFault);
    return { lines: [error.message, ...faults, hintFor(error)], exitCode: exitCodes.failed };
  }
  if (error instanceof MplpError) {
    return { lines: [error.message, ...(error.errors ?? []).map(describeFault)], exitCode: exitCodes.failed };
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { lines: [`This is a bug in mplp: ${stack}`], exitCode: exitCodes.failed };
}

function describeFault(fault: unknown): string {
  const { pointer, message } = fault as Partial<FieldError>;
  return message === undefined ? `  ${JSON.stringify(fault)}` : `  ${pointer ?? ''} ${message}`;
}

function hintFor(error: ClientError): string {
  if (error.code === 'UNREACHABLE') {
    return 'Is the engine running? Start it with `npm start`, or say where it is with --url or MPLP_URL.';
  }
  if (error.code === 'MPLP_ERR_QUERY_FORBIDDEN')
    return 'Queries read the views of your project, such as `spans` and `traces`.';
  if (error.status === 401) {
    return 'Pass the admin key with --key or MPLP_ADMIN_KEY; an engine on this machine keeps it in <data folder>/admin-key (--data-dir).';
  }
  if (error.status === 403)
    return 'The key is known but may not do this: use one with the permission, or the admin key.';
  if (error.status === 429) return 'The engine is overloaded: send less at a time, or try again later.';
  if (error.status === 503) return 'The engine runs but is not ready: `mplp doctor` says what is missing.';
  if (error.code === 'UNEXPECTED') return 'Is it an MPLP engine that answers there? Check --url.';
  return '';
}
