import type { Principal } from './contract.js';

/** What is known of a WebSocket when it opens. */
export interface IncomingWebSocketData {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly principal: Principal;
}
