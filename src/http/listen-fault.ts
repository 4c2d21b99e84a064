import { createServer } from 'node:net';
import { MplpError, type FieldError } from '../errors/index.js';

const reasons: Readonly<Record<string, FieldError>> = {
  EADDRINUSE: {
    pointer: 'MPLP_PORT',
    keyword: 'free',
    message: 'expected a free port; another process uses it',
  },
  EACCES: {
    pointer: 'MPLP_PORT',
    keyword: 'allowed',
    message: 'expected a port that this user may listen on',
  },
  EADDRNOTAVAIL: { pointer: 'MPLP_HOST', keyword: 'local', message: 'expected an address of this machine' },
  ENOTFOUND: { pointer: 'MPLP_HOST', keyword: 'local', message: 'expected an address of this machine' },
};

/** Why an address cannot be listened on. uWebSockets.js only says that it could not, so the system is asked again. */
export async function listenFault(host: string, port: number): Promise<MplpError> {
  const code = await new Promise<string>((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve('')));
  });
  const fault = reasons[code];
  return new MplpError(
    'MPLP_ERR_CONFIG_INVALID',
    `Cannot listen on ${host}:${port}${fault === undefined ? '' : `: ${fault.pointer}: ${fault.message}`}.`,
    fault === undefined ? {} : { errors: [fault] },
  );
}
