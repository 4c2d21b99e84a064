import type { EngineProcess } from './engine-process.js';

export type CallEngine = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
  base?: string,
) => Promise<Response>;

/** Requests with the admin key of an engine, which may start later. A body that is no text is sent as JSON. */
export function callEngine(engine: () => EngineProcess, resource: string): CallEngine {
  return (method, path, body, headers = {}, base = resource) => {
    const { url, key } = engine();
    return fetch(`${url}${base}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  };
}
