import { createServer } from 'node:net';
import { MplpError, type FieldError } from '../errors/index.js';

const PORT = 'port';

const reasons: Readonly<Record<string, FieldError>> = {
  EADDRINUSE: {
    pointer: PORT,
    keyword: 'free',
    message: 'expected a free port; another process uses it',
  },
  EACCES: {
    pointer: PORT,
    keyword: 'allowed',
    message: 'expected a port that this user may listen on',
  },
  EADDRNOTAVAIL: { pointer: 'MPLP_HOST', keyword: 'local', message: 'expected an address of this machine' },
  ENOTFOUND: { pointer: 'MPLP_HOST', keyword: 'local', message: 'expected an address of this machine' },
};

/**
 * Why an address cannot be listened on. uWebSockets.js only says that it could not, so the system is asked again.
 * `portOption` is the environment variable of the port.
 */
export async function listenFault(host: string, port: number, portOption: string): Promise<MplpError> {
  const code = await new Promise<string>((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve('')));
  });
  const reason = reasons[code];
  const fault = reason?.pointer === PORT ? { ...reason, pointer: portOption } : reason;
  return new MplpError(
    'MPLP_ERR_CONFIG_INVALID',
    `Cannot listen on ${host}:${port}${fault === undefined ? '' : `: ${fault.pointer}: ${fault.message}`}.`,
    fault === undefined ? {} : { errors: [fault] },
  );
}
