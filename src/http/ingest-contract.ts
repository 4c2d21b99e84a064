import type { Principal } from './contract.js';
import type { HttpReply } from './contract.js';

/** The head of a request whose body is received piece by piece. */
export interface IngestHead {
  readonly contentType: string;
  readonly contentEncoding: string;
  /** Value of Content-Length; 0 for a chunked body. */
  readonly contentLength: number;
  readonly idempotencyKey: string;
  readonly query: URLSearchParams;
  readonly principal: Principal;
}

export interface BodyReceiver {
  /** The bytes are valid during the call only. */
  write(chunk: Uint8Array): void;
  end(): Promise<HttpReply>;
  /** The body will not be completed. */
  drop(): void;
}

/** A route that takes its body without the server collecting it first. */
export interface IngestRoute {
  readonly path: string;
  readonly permission: string;
  open(head: IngestHead): BodyReceiver;
  /** The reply for anything that went wrong, before, in or behind `open`; a problem document when absent. */
  fail?(error: unknown, contentType: string): HttpReply;
}
