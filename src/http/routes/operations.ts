import type { Registry } from 'prom-client';
import type { Route } from '../contract.js';
import { json } from '../replies.js';

/** A part of the engine and whether it does its work now. */
export interface PartState {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  /** Spans are taken in and answered for without it: when it is away, the engine is ready all the same. */
  readonly optional?: boolean;
}

export interface OperationsOptions {
  readonly registry: Registry;
  readonly version: string;
  parts(): Promise<readonly PartState[]>;
}

/** `/health` (the process lives), `/ready` (it takes spans in and answers questions), `/metrics`. */
export function createOperationsRoutes(options: OperationsOptions): Route[] {
  const startedAt = new Date().toISOString();
  return [
    {
      method: 'GET',
      path: '/health',
      permission: undefined,
      handle: () => json({ status: 'ok', version: options.version, started_at: startedAt }),
    },
    {
      method: 'GET',
      path: '/ready',
      permission: undefined,
      async handle() {
        const parts = await options.parts();
        const ready = parts.every((part) => part.ok || part.optional === true);
        const document = {
          status: ready ? 'ready' : 'not ready',
          parts: Object.fromEntries(
            parts.map(({ name, ok, detail, optional = false }) => [name, { ok, detail, optional }]),
          ),
        };
        return json(document, ready ? 200 : 503);
      },
    },
    {
      method: 'GET',
      path: '/metrics',
      permission: 'metrics:read',
      async handle() {
        return {
          status: 200,
          headers: { 'content-type': options.registry.contentType },
          body: await options.registry.metrics(),
        };
      },
    },
  ];
}
