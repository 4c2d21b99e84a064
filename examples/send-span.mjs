// Sends a span when a step starts and again when it ends, reads the trace back and counts spans in SQL.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';

const url = process.env.MPLP_URL ?? 'http://127.0.0.1:3000';
const key =
  process.env.MPLP_ADMIN_KEY ?? readFileSync(new URL('../data/admin-key', import.meta.url), 'utf8').trim();

async function call(path, body) {
  const response = await fetch(url + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  return text;
}

const started = {
  trace_id: randomUUID(),
  span_id: randomUUID(),
  context_id: randomUUID(),
  agent_id: randomUUID(),
  action: { name: 'greet', type: 'execute' },
  timestamp: { start: new Date().toISOString() },
};
const ended = {
  ...started,
  timestamp: { ...started.timestamp, end: new Date().toISOString() },
  result: { status: 'success', output: { text: 'hello from Node' } },
};

console.log(await call('/v1.0/traces', started));
// The same span again replaces the first. `durability=stored` waits until it can be queried.
console.log(await call('/v1.0/traces?durability=stored', ended));
console.log(await call(`/v1.0/traces/${started.trace_id}/spans`));
console.log(await call('/v1.0/query', { sql: 'SELECT count() AS spans FROM spans', format: 'JSONEachRow' }));
