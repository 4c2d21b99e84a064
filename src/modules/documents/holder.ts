import { dateTimeToUnixNano, unixNanoToDateTime } from '../../protocol/index.js';
import type { Sql } from '../../store/postgres/index.js';
import { invalid } from './faults.js';

/** Kinds as `schemas/confirm.json` names them. */
const SUBJECT = /^(agent|human|system):[\x21-\x7e]{1,200}$/;
const NANOS_PER_MS = 1_000_000n;

/** Who has a role or a key: `agent:3f2504e0-…`, `human:ada@example.org`. @throws MplpError MPLP_ERR_MODULES_INVALID */
export function checkSubject(value: unknown, pointer = '/subject'): string {
  if (value === undefined) throw invalid(pointer, 'required', 'is required');
  if (typeof value === 'string' && SUBJECT.test(value)) return value;
  throw invalid(
    pointer,
    'format',
    'must be agent:, human: or system: and an id of 1 to 200 printable ASCII characters',
  );
}

/** When something ends, as a UTC text; `undefined` for never. @throws MplpError MPLP_ERR_MODULES_INVALID */
export function checkExpiry(value: unknown, pointer = '/expires_at'): string | undefined {
  if (value === undefined || value === null) return undefined;
  const nanos = typeof value === 'string' && value.length <= 64 ? dateTimeToUnixNano(value) : undefined;
  const milliseconds = nanos === undefined ? undefined : nanos / NANOS_PER_MS;
  const text = milliseconds === undefined ? undefined : unixNanoToDateTime(milliseconds * NANOS_PER_MS);
  if (text === undefined || Number.isNaN(Date.parse(value as string)))
    throw invalid(pointer, 'format', 'must be a time such as 2030-01-31T12:00:00Z, or null');
  return text;
}

/** Refuses an end that is past, by the clock that will decide: that of Postgres. @throws MplpError MPLP_ERR_MODULES_INVALID */
export async function checkFuture(
  sql: Sql,
  expiresAt: string | undefined,
  pointer = '/expires_at',
): Promise<void> {
  if (expiresAt === undefined) return;
  const [row] = await sql<{ ok: boolean }[]>`SELECT ${expiresAt}::text::timestamptz > now() AS ok`;
  if (row?.ok !== true) throw invalid(pointer, 'minimum', 'must be in the future');
}
