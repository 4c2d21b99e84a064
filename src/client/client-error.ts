import type { Problem } from './wire.js';

/** Thrown by the client. Match on `code`: `MPLP_ERR_…` as the engine answered, or one of the client's own. */
export class ClientError extends Error {
  override readonly name = 'ClientError';

  constructor(
    /** `MPLP_ERR_…`, `UNREACHABLE` (no connection) or `UNEXPECTED` (an answer that is not the engine's). */
    readonly code: string,
    message: string,
    readonly details: {
      readonly status?: number;
      readonly problem?: Problem;
      /** The answer as it came. */
      readonly text?: string;
      /** What the engine asked for in `Retry-After`. */
      readonly retryAfterSeconds?: number;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
  }

  get status(): number | undefined {
    return this.details.status;
  }

  get problem(): Problem | undefined {
    return this.details.problem;
  }
}

/** Reads the problem document of a failed response. */
export async function toClientError(response: Response): Promise<ClientError> {
  const text = await response.text();
  const details = { status: response.status, text, ...retryAfter(response) };
  const problem = findProblem(text);
  if (problem === undefined) {
    const shown = text.length > 200 ? `${text.slice(0, 200)}…` : text;
    return new ClientError(
      'UNEXPECTED',
      `The server answered ${response.status}: ${shown || response.statusText}`,
      details,
    );
  }
  const code = /MPLP_ERR_[A-Z_]+/.exec(problem.type)?.[0] ?? 'UNEXPECTED';
  return new ClientError(code, problem.detail || problem.title, { ...details, problem });
}

function findProblem(text: string): Problem | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'type' in value && 'title' in value
      ? (value as Problem)
      : undefined;
  } catch {
    return undefined;
  }
}

function retryAfter(response: Response): { retryAfterSeconds?: number } {
  const seconds = Number(response.headers.get('retry-after') ?? NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? { retryAfterSeconds: seconds } : {};
}
