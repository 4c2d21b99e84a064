// Follows the live tail and prints the name of each action. Filters: agent_id, context_id, action, status.
import { readFileSync } from 'node:fs';

const url = process.env.MPLP_URL ?? 'http://127.0.0.1:3000';
const key =
  process.env.MPLP_ADMIN_KEY ?? readFileSync(new URL('../data/admin-key', import.meta.url), 'utf8').trim();

const response = await fetch(`${url}/v1.0/traces/stream`, { headers: { authorization: `Bearer ${key}` } });
if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);

let text = '';
const decoder = new TextDecoder();
for await (const chunk of response.body) {
  text += decoder.decode(chunk, { stream: true });
  const events = text.split('\n\n');
  text = events.pop() ?? '';
  for (const event of events) {
    const data = event.split('\n').find((line) => line.startsWith('data: '));
    if (data === undefined) continue;
    const message = JSON.parse(data.slice('data: '.length));
    console.log(message.missed === undefined ? message.action.name : `missed ${message.missed} spans`);
  }
}
