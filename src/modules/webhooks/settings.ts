import { isIP } from 'node:net';
import { MplpError, type FieldError } from '../../errors/index.js';
import { parseTypeFilter } from '../../store/events/index.js';
import type { AddressGuard } from './address-guard.js';
import type { WebhookSettings } from './contract.js';
import { checkedAddresses, isConnectionFault, type ResolveName } from './guarded-connection.js';

const MAX_URL_CHARACTERS = 2_048;
const MAX_TYPES = 50;
const MAX_DESCRIPTION_CHARACTERS = 1_024;
const LOOKUP_MS = 2_000;

/**
 * What a request says about a webhook, with defaults for what it leaves out.
 *
 * @throws MplpError MPLP_ERR_HTTP_BAD_REQUEST with every fault
 */
export function readSettings(body: Readonly<Record<string, unknown>>): WebhookSettings {
  const errors: FieldError[] = [];
  const refuse = (pointer: string, keyword: string, message: string): void =>
    void errors.push({ pointer, keyword, message });
  const { url, description = null, types = ['*'], status = 'active' } = body;
  const fault = faultOfUrl(url);
  if (fault !== undefined) refuse('/url', url === undefined ? 'required' : 'format', fault);
  if (description !== null && (typeof description !== 'string' || !isText(description)))
    refuse(
      '/description',
      'type',
      `must be a text of at most ${MAX_DESCRIPTION_CHARACTERS} characters, or null`,
    );
  if (!Array.isArray(types) || !types.every((type) => typeof type === 'string'))
    refuse('/types', 'type', 'must be an array of types of events, such as ["context.*"]');
  else if (types.length > MAX_TYPES)
    refuse('/types', 'length', `must name at most ${MAX_TYPES} types of events`);
  else
    try {
      parseTypeFilter(types, '/types');
    } catch (error) {
      errors.push(...((error as MplpError).errors ?? []));
    }
  if (status !== 'active' && status !== 'disabled') refuse('/status', 'enum', 'must be active or disabled');
  if (errors.length > 0) {
    const text = errors.map(({ pointer, message }) => `${pointer} ${message}`).join('; ');
    throw new MplpError('MPLP_ERR_HTTP_BAD_REQUEST', `The webhook is not valid: ${text}.`, { errors });
  }
  return {
    url: new URL(url as string).href,
    description: (description as string | null) ?? undefined,
    types: [...new Set(types as string[])],
    status: status as WebhookSettings['status'],
  };
}

/** Postgres takes no NUL. */
function isText(text: string): boolean {
  return text.length <= MAX_DESCRIPTION_CHARACTERS && !text.includes('\0');
}

function faultOfUrl(url: unknown): string | undefined {
  if (url === undefined) return 'is required';
  if (typeof url !== 'string' || url.length > MAX_URL_CHARACTERS || !URL.canParse(url))
    return `must be an address of at most ${MAX_URL_CHARACTERS} characters`;
  const { protocol, username, password, hash, href } = new URL(url);
  if (protocol !== 'https:' && protocol !== 'http:') return 'must begin with https:// or http://';
  if (username !== '' || password !== '') return 'must not hold a user name or a password';
  if (hash !== '') return 'must not have a fragment';
  return href.length > 2 * MAX_URL_CHARACTERS ? 'is too long' : undefined;
}

/**
 * Tells early what every connection checks again: that the host is a public one. A name that cannot be found now is no
 * fault; it may be found later.
 *
 * @throws MplpError MPLP_ERR_HTTP_BAD_REQUEST
 */
export async function checkHost(url: string, guard: AddressGuard, resolve: ResolveName): Promise<void> {
  const target = new URL(url);
  let timer: NodeJS.Timeout | undefined;
  const inTime: ResolveName = (name) =>
    Promise.race([
      resolve(name).catch((): string[] => []),
      new Promise<readonly string[]>((done) => (timer = setTimeout(() => done([]), LOOKUP_MS))),
    ]);
  try {
    await checkedAddresses(target, guard, async (name) => {
      const addresses = await inTime(name);
      return addresses.length > 0 ? addresses : [UNKNOWN];
    });
  } catch (error) {
    if (!isConnectionFault(error)) throw error;
    const message = `leads to a host that webhooks may not be sent to: ${error.message}`;
    throw new MplpError('MPLP_ERR_HTTP_BAD_REQUEST', `/url ${message}.`, {
      errors: [{ pointer: '/url', keyword: isIP(target.hostname) === 0 ? 'host' : 'address', message }],
    });
  } finally {
    clearTimeout(timer);
  }
}

/** A public address in place of none: only what is known to be bad is refused early. */
const UNKNOWN = '1.1.1.1';
