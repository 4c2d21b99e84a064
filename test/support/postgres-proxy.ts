import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/**
 * What the network does to the next COMMIT, or to another message.
 * `lose-reply`: it arrives, and the connection breaks before the answer comes back.
 * `lose-server`: it arrives, and the server cannot be reached from then on.
 * `lose-request`: it does not arrive; the client's side breaks, the server's stays open and knows nothing.
 * `break`: it does not arrive, and both sides break.
 */
export type CommitFault = 'none' | 'lose-reply' | 'lose-server' | 'lose-request' | 'break';

export interface PostgresProxy {
  readonly port: number;
  onCommit: CommitFault;
  /** The same for the next message with this text in it, where `COMMIT` stands above. */
  failOn(text: string, fault: CommitFault): void;
  /** Whether connections are taken; those that are open break with `false`. */
  isUp: boolean;
  /** Nothing goes through any more and nothing is closed. */
  isHanging: boolean;
  /** Queries and prepared statements that clients sent until now. */
  readonly statements: number;
  close(): Promise<void>;
}

const COMMIT = 'COMMIT\0';

/** A TCP proxy in front of a PostgreSQL on loopback. */
export async function startPostgresProxy(targetPort: number): Promise<PostgresProxy> {
  const sockets = new Set<Socket>();
  let isUp = true;
  let isHanging = false;
  let onCommit: CommitFault = 'none';
  let trigger = COMMIT;
  let statements = 0;
  const goAway = (): void => {
    isUp = false;
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const server = createServer((client) => {
    if (!isUp) return void client.resetAndDestroy();
    const upstream = connect(targetPort, '127.0.0.1');
    let isCut = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    client.on('close', () => isCut || upstream.destroy());
    upstream.on('close', () => client.destroy());
    client.on('data', (chunk: Buffer) => {
      if (isHanging || isCut) return;
      if (chunk[0] === 0x51 || chunk[0] === 0x50 || chunk[0] === 0x42) statements++;
      const fault = chunk.includes(trigger) ? onCommit : 'none';
      if (fault === 'none') return void upstream.write(chunk);
      onCommit = 'none';
      isCut = true;
      if (fault === 'lose-reply') {
        upstream.write(chunk);
        upstream.once('data', () => client.resetAndDestroy());
      } else if (fault === 'lose-server') {
        upstream.write(chunk);
        upstream.once('data', goAway);
      } else {
        client.resetAndDestroy();
        if (fault === 'break') upstream.destroy();
      }
    });
    upstream.on('data', (chunk: Buffer) => {
      if (!isHanging && !isCut) client.write(chunk);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    get onCommit() {
      return onCommit;
    },
    set onCommit(next) {
      trigger = COMMIT;
      onCommit = next;
    },
    failOn(text, fault) {
      trigger = text;
      onCommit = fault;
    },
    get isUp() {
      return isUp;
    },
    set isUp(next) {
      if (next) isUp = true;
      else goAway();
    },
    get isHanging() {
      return isHanging;
    },
    set isHanging(next) {
      isHanging = next;
    },
    get statements() {
      return statements;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
