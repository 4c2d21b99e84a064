import { randomBytes } from 'node:crypto';
import { MplpError, toProblem } from '../../errors/index.js';
import type { ContextSync, SyncType } from '../../modules/contexts/index.js';
import { isUuid } from '../../modules/documents/index.js';
import type { Logger } from '../../observability/log.js';
import { readStrictJson } from '../../protocol/index.js';
import type { Route, Socket, SocketHandler, WebSocketRoute } from '../contract.js';
import { badRequest, checkEnvelope, checkQuery } from '../protocol-exchange.js';
import { json } from '../replies.js';
import { idOf, MAX_STATE_BODY_BYTES } from '../state-exchange.js';
import { readDocument } from '../request-document.js';
import { createRequestTraceId } from '../trace-id.js';

const PATH = '/v1.0/contexts/ws';
const NODE_ID = /^[\x21-\x7e]{1,128}$/;
const MAX_NODES = 1_000;
const SYNC_TIMEOUT_MS = 5_000;
const MAX_SYNC_TIMEOUT_MS = 30_000;
/** A node that lets so much pile up is cut: it comes back with the version it has. */
const MAX_BUFFERED_BYTES = 16 * 1024 * 1024;
const TRY_AGAIN_LATER = 1013;

/**
 * `POST /v1.0/contexts/{id}/sync`, and the WebSocket `/v1.0/contexts/ws?node_id=…` by which nodes follow contexts: they send
 * `{type: "subscribe", context_id, version}`, get `full` and `incremental` messages, and answer each with
 * `{type: "ack", context_id, version}`.
 */
export function createContextSyncRoutes(
  sync: ContextSync,
  log: Logger,
): { routes: Route[]; webSockets: WebSocketRoute[] } {
  return {
    routes: [
      {
        method: 'POST',
        path: '/v1.0/contexts/{id}/sync',
        permission: 'contexts:write',
        async handle(request) {
          checkQuery(request);
          const body = checkEnvelope(
            await readDocument(request, MAX_STATE_BODY_BYTES),
            ['target_nodes', 'sync_type', 'timeout_ms'],
            '',
          );
          const type = syncTypeOf(body['sync_type']);
          const contextId = idOf(request);
          const { version, results } = await sync.sync(
            request.principal.projectId,
            contextId,
            nodesOf(body['target_nodes']),
            type,
            timeoutOf(body['timeout_ms']),
          );
          return json({ context_id: contextId, version, sync_type: type, results });
        },
      },
    ],
    webSockets: [
      {
        path: PATH,
        permission: 'contexts:read',
        check: (request) => void nodeIdOf(request.query),
        open: (socket, request) =>
          openNode(sync, socket, request.principal.projectId, nodeIdOf(request.query), log),
      },
    ],
  };
}

function openNode(
  sync: ContextSync,
  socket: Socket,
  projectId: string,
  nodeId: string,
  log: Logger,
): SocketHandler {
  const node = sync.connect(projectId, nodeId, (message) => {
    if (socket.bufferedBytes > MAX_BUFFERED_BYTES) socket.close(TRY_AGAIN_LATER, 'the node does not read');
    else socket.send(JSON.stringify(message));
  });

  async function take(data: Uint8Array): Promise<void> {
    try {
      const { value, faults } = readStrictJson(data, 1);
      const [fault] = faults;
      if (fault !== undefined) throw badRequest(fault.pointer, fault.keyword, fault.message);
      const { type, context_id: id, version } = checkEnvelope(value, ['type', 'context_id', 'version'], '');
      if (typeof id !== 'string' || !isUuid(id))
        throw badRequest('/context_id', 'pattern', 'must be a lower-case UUID');
      if (type === 'unsubscribe') return node.unsubscribe(id);
      if (type !== 'subscribe' && type !== 'ack')
        throw badRequest('/type', 'enum', 'must be one of subscribe, ack, unsubscribe');
      const known = version ?? (type === 'subscribe' ? 0 : undefined);
      if (!Number.isSafeInteger(known) || (known as number) < 0)
        throw badRequest('/version', 'type', 'must be a whole number of at least 0');
      if (type === 'ack') return node.acknowledge(id, known as number);
      await node.subscribe(id, known as number);
    } catch (error) {
      if (!(error instanceof MplpError)) log.error({ err: error }, 'a frame of a node failed');
      const problem = toProblem(error, PATH, createRequestTraceId('', randomBytes));
      socket.send(JSON.stringify({ type: 'error', error: problem }));
    }
  }

  return {
    message: (data) => void take(data),
    drain() {},
    closed: () => node.close(),
  };
}

function nodeIdOf(query: URLSearchParams): string {
  const id = query.get('node_id') ?? '';
  if (NODE_ID.test(id)) return id;
  throw badRequest('?node_id', 'format', 'must be 1 to 128 printable ASCII characters');
}

function syncTypeOf(type: unknown): SyncType {
  if (type === undefined) return 'incremental';
  if (type === 'full' || type === 'incremental') return type;
  throw badRequest('/sync_type', 'enum', 'must be full or incremental');
}

function timeoutOf(timeoutMs: unknown): number {
  if (timeoutMs === undefined) return SYNC_TIMEOUT_MS;
  if (
    Number.isInteger(timeoutMs) &&
    (timeoutMs as number) >= 1 &&
    (timeoutMs as number) <= MAX_SYNC_TIMEOUT_MS
  )
    return timeoutMs as number;
  throw badRequest('/timeout_ms', 'range', `must be a whole number from 1 to ${MAX_SYNC_TIMEOUT_MS}`);
}

function nodesOf(nodes: unknown): string[] | undefined {
  if (nodes === undefined) return undefined;
  if (!Array.isArray(nodes)) throw badRequest('/target_nodes', 'type', 'must be an array of node ids');
  if (nodes.length > MAX_NODES)
    throw badRequest('/target_nodes', 'maxItems', `must have at most ${MAX_NODES} items`);
  nodes.forEach((node, index) => {
    if (typeof node !== 'string' || !NODE_ID.test(node))
      throw badRequest(`/target_nodes/${index}`, 'type', 'must be the id of a node');
  });
  return nodes as string[];
}
