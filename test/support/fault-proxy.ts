import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/**
 * What the network does. Faults hold for connections that are open already, too.
 * `down`: connections are reset. `cut`: reset after so many bytes towards the server, again and again.
 * `lose-reply`: what the client sent arrives, and the connection is reset when the answer comes.
 * `hang`: nothing goes through any more, and nothing is closed (half-open). `slow`: bytes a second, each way.
 * `late`: every chunk arrives so much later.
 */
export type Fault =
  | { readonly kind: 'none' | 'down' | 'hang' | 'lose-reply' }
  | { readonly kind: 'cut'; readonly afterBytes: number }
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  | { readonly kind: 'late'; readonly delayMs: number };

export interface FaultProxy {
  readonly url: string;
  fault: Fault;
  /** Connections that a fault broke. */
  readonly broken: number;
  /** Called whenever a fault broke a connection. */
  onBroken: () => void;
  close(): Promise<void>;
}

/** A TCP proxy in front of `target` (`http://host:port`). */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let fault: Fault = { kind: 'none' };
  let broken = 0;

  const proxy = createServer((client) => {
    const server = connect(Number(port), hostname);
    let sent = 0;
    const reset = (): void => {
      if (client.destroyed) return;
      broken++;
      client.resetAndDestroy();
      server.resetAndDestroy();
      state.onBroken();
    };
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
    void pump(
      client,
      server,
      () => {
        if (fault.kind === 'cut' && sent > fault.afterBytes) return reset();
      },
      (bytes) => (sent += bytes),
    );
    void pump(server, client, () => {
      if (fault.kind === 'lose-reply') reset();
    });
    if (fault.kind === 'down') reset();

    async function pump(
      from: Socket,
      to: Socket,
      check: () => void,
      count: (bytes: number) => void = () => undefined,
    ) {
      try {
        for await (const chunk of from as AsyncIterable<Buffer>) {
          count(chunk.length);
          if (fault.kind === 'down') reset();
          check();
          while (fault.kind === 'hang' && !to.destroyed) await wait(20);
          if (fault.kind === 'late') await wait(fault.delayMs);
          for (let at = 0; at < chunk.length && !to.destroyed;) {
            const step: number = fault.kind === 'slow' ? Math.ceil(fault.bytesPerSecond / 50) : chunk.length;
            if (!to.write(chunk.subarray(at, at + step)))
              await Promise.race([once(to, 'drain'), once(to, 'close')]);
            at += step;
            if (fault.kind === 'slow') await wait(20);
          }
        }
        to.end();
      } catch {
        to.destroy();
      }
    }
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');

  const state: FaultProxy = {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    get fault() {
      return fault;
    },
    set fault(next) {
      fault = next;
      if (next.kind === 'down') for (const socket of sockets) socket.resetAndDestroy();
    },
    get broken() {
      return broken;
    },
    onBroken: () => undefined,
    async close() {
      fault = { kind: 'none' };
      for (const socket of sockets) socket.destroy();
      proxy.close();
      await once(proxy, 'close');
    },
  };
  return state;
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
