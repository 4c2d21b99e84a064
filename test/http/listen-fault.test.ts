import { createServer, type AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { listenFault } from '#dist/http/listen-fault.js';

it('names the option that is at fault', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as AddressInfo;
  try {
    expect(await listenFault('127.0.0.1', port, 'MPLP_PORT')).toMatchObject({
      code: 'MPLP_ERR_CONFIG_INVALID',
      message: expect.stringMatching(`127.0.0.1:${port}: MPLP_PORT: .*another process`) as string,
      errors: [{ pointer: 'MPLP_PORT' }],
    });
    for (const host of ['203.0.113.7', 'no-such-host.invalid'])
      expect(await listenFault(host, 0, 'MPLP_PORT')).toMatchObject({ errors: [{ pointer: 'MPLP_HOST' }] });
  } finally {
    taken.close();
  }
});
