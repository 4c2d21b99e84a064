import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An answer that ClickHouse, or a proxy before it, gives instead of inserting. */
export interface InsertError {
  readonly status: number;
  /** ClickHouse's exception code; absent for a proxy's own answer. */
  readonly code?: number;
  readonly message: string;
}

export interface ErrorProxy {
  readonly url: string;
  /** Decides each insert of spans by its content; `undefined` lets it through. */
  decide: (body: Buffer) => InsertError | undefined;
  readonly refused: number;
  close(): Promise<void>;
}

/** An HTTP proxy in front of ClickHouse that answers span inserts with errors of the test's choice. */
export async function startErrorProxy(target: string): Promise<ErrorProxy> {
  const { hostname, port } = new URL(target);
  let refused = 0;
  const proxy: ErrorProxy = {
    url: '',
    decide: () => undefined,
    get refused() {
      return refused;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };

  async function handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const query = new URL(incoming.url ?? '/', 'http://localhost').searchParams.get('query') ?? '';
    const isInsert = /^INSERT INTO \W?span_intake/.test(query);
    const error = isInsert ? proxy.decide(body) : undefined;
    if (error !== undefined) {
      refused++;
      const { status, code, message } = error;
      outgoing.writeHead(status, code === undefined ? {} : { 'X-ClickHouse-Exception-Code': String(code) });
      outgoing.end(
        code === undefined ? message : `Code: ${code}. DB::Exception: ${message} (version 26.7.2)\n`,
      );
      return;
    }
    const headers = { ...incoming.headers, 'content-length': String(body.length) };
    delete (headers as Record<string, unknown>)['transfer-encoding'];
    const forwarded = request(
      { hostname, port, method: incoming.method, path: incoming.url, headers },
      (reply) => {
        outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
        reply.pipe(outgoing);
      },
    );
    forwarded.on('error', () => outgoing.destroy());
    forwarded.end(body);
  }

  const server = createServer((incoming, outgoing) => {
    handle(incoming, outgoing).catch(() => outgoing.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(proxy, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}
