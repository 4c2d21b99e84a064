export { createHttpServer, type HttpServer, type HttpServerOptions } from './server.js';
export type { HttpReply, HttpRequest, Route, Socket, SocketHandler, WebSocketRoute } from './contract.js';
export type { BodyReceiver, IngestHead, IngestRoute } from './ingest-contract.js';
export { documentReply, json, problemReply, wantsMsgpack } from './replies.js';
export { createDeadLetterRoutes } from './routes/dead-letters.js';
export { createIngestRoutes } from './routes/traces-ingest.js';
export { createOperationsRoutes, type PartState } from './routes/operations.js';
export { createStreamRoutes } from './routes/traces-stream.js';
export { createTraceSocketRoute } from './routes/traces-socket.js';
