import net from 'node:net';

/** A connection that says exactly what a test wants, and collects what comes back. */
export interface RawConnection {
  write(data: string | Uint8Array): Promise<void>;
  /** Waits until what came holds `text`, or the connection is closed. Returns all that came. */
  until(text: string | RegExp): Promise<string>;
  /** Resolves with all that came when the server has closed the connection. */
  closed(): Promise<string>;
  destroy(): void;
}

export async function connectRaw(url: string): Promise<RawConnection> {
  const { hostname, port } = new URL(url);
  const socket = net.connect(Number(port), hostname);
  let received = '';
  let ended = false;
  let wake = (): void => {};
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
    wake();
  });
  socket.on('error', () => {});
  const gone = new Promise<void>((resolve) => {
    socket.on('close', () => {
      ended = true;
      resolve();
      wake();
    });
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return {
    write: (data) => new Promise((resolve) => void socket.write(data, () => resolve())),
    async until(text) {
      const has = (): boolean => (typeof text === 'string' ? received.includes(text) : text.test(received));
      while (!has() && !ended) await new Promise<void>((resolve) => (wake = resolve));
      return received;
    },
    async closed() {
      await gone;
      return received;
    },
    destroy: () => socket.destroy(),
  };
}
