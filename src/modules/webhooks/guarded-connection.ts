import { Resolver } from 'node:dns/promises';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { AddressGuard } from './address-guard.js';

/** Addresses of a name. */
export type ResolveName = (name: string) => Promise<readonly string[]>;

/** Thrown for what may be told to the owner of the webhook. */
export interface ConnectionFault extends Error {
  readonly isConnectionFault: true;
}

const MAX_ADDRESSES = 4;
const DNS_TIMEOUT_MS = 3_000;
const DNS_TRIES = 2;

/**
 * Asks the name servers, not the system: its lookup takes one of the few threads that also sync the spool, and a name
 * server that does not answer would hold it. So names of /etc/hosts and short names of a search list are not found.
 */
export const resolveByDns: ResolveName = async (name) => {
  const resolver = new Resolver({ timeout: DNS_TIMEOUT_MS, tries: DNS_TRIES });
  const none = (): string[] => [];
  const [v4, v6] = await Promise.all([
    resolver.resolve4(name).catch(none),
    resolver.resolve6(name).catch(none),
  ]);
  return [...v4, ...v6];
};

export function connectionFault(message: string): ConnectionFault {
  return Object.assign(new Error(message), { isConnectionFault: true as const });
}

export function isConnectionFault(error: unknown): error is ConnectionFault {
  return (error as { isConnectionFault?: unknown }).isConnectionFault === true;
}

/**
 * The addresses of a URL's host, each of which may be connected to.
 *
 * @throws ConnectionFault when one of them may not be, or there is none
 */
export async function checkedAddresses(
  url: URL,
  guard: AddressGuard,
  resolve: ResolveName,
): Promise<readonly string[]> {
  const host = hostOf(url);
  const addresses = isIP(host) === 0 ? await resolve(host) : [host];
  if (addresses.length === 0) throw connectionFault('the name of the host has no address');
  // One bad address is enough: whoever gives out a mixture has something in mind.
  if (!addresses.every((address) => guard.allows(address)))
    throw connectionFault('the address of the host is not public, and not among the allowed networks');
  return addresses.slice(0, MAX_ADDRESSES);
}

/**
 * A connection to the host of a URL, secured for https. The address that was checked is the one that is connected to:
 * no second lookup lies between, and none is left to the HTTP client, which would not ask for literal addresses.
 *
 * @throws ConnectionFault, or what the network says
 */
export async function openGuardedConnection(
  url: URL,
  guard: AddressGuard,
  resolve: ResolveName,
  signal: AbortSignal,
): Promise<Socket> {
  const addresses = await abortable(checkedAddresses(url, guard, resolve), signal);
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  let failure: unknown;
  for (const address of addresses) {
    try {
      const socket = connectTcp({ host: address, port });
      await settled(socket, 'connect', signal);
      if (!guard.allows(socket.remoteAddress ?? '')) {
        socket.destroy();
        throw connectionFault('the address of the host is not public');
      }
      return url.protocol === 'https:' ? await secured(socket, hostOf(url), signal) : socket;
    } catch (error) {
      failure = error;
      if (signal.aborted) break;
    }
  }
  throw failure;
}

async function secured(socket: Socket, host: string, signal: AbortSignal): Promise<Socket> {
  const name = isIP(host) === 0 ? { servername: host } : {};
  const secure = connectTls({ socket, host, ...name, ALPNProtocols: ['http/1.1'] });
  await settled(secure, 'secureConnect', signal);
  return secure;
}

/** Brackets of an IPv6 address belong to the URL, and a dot at the end to the name server. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}

function settled(socket: Socket, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      signal.removeEventListener('abort', abort);
      socket.destroy();
      reject(error);
    };
    const abort = (): void => fail(connectionFault('no connection in time'));
    socket.on('error', fail);
    socket.once('close', () => fail(connectionFault('the connection was closed')));
    socket.once(event, () => {
      signal.removeEventListener('abort', abort);
      resolve();
    });
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(connectionFault('the name of the host was not found in time'));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
