// Opens many WebSockets from a process of its own, each with its own span, and reports how they fared.
// Arguments: url, key, sockets. Prints one JSON line.
import { randomUUID } from 'node:crypto';
import WebSocket from 'ws';

const [url, key, count] = [process.argv[2], process.argv[3], Number(process.argv[4])];
const span = () => ({
  trace_id: randomUUID(),
  span_id: randomUUID(),
  context_id: randomUUID(),
  agent_id: randomUUID(),
  action: { name: 'crowd', type: 'execute' },
  timestamp: { start: new Date().toISOString() },
});
const sockets = [];
const failures = [];
const open = () =>
  new Promise((resolve) => {
    const socket = new WebSocket(url, {
      headers: { authorization: `Bearer ${key}` },
      perMessageDeflate: false,
    });
    socket.on('open', () => resolve(sockets.push(socket)));
    socket.on('error', (error) => resolve(failures.push(error.message)));
  });
for (let i = 0; i < count; i += 200)
  await Promise.all(Array.from({ length: Math.min(200, count - i) }, open));
const opened = sockets.filter((socket) => socket.readyState === WebSocket.OPEN).length;
let accepted = 0;
await Promise.all(
  sockets.map(
    (socket, seq) =>
      new Promise((resolve) => {
        socket.on('close', resolve);
        socket.on('message', (data) => {
          const message = JSON.parse(data.toString());
          if (message.seq !== seq) return;
          accepted += message.accepted ?? 0;
          resolve();
        });
        socket.send(JSON.stringify({ seq, spans: [span()] }));
      }),
  ),
);
const stillOpen = sockets.filter((socket) => socket.readyState === WebSocket.OPEN).length;
process.stdout.write(`${JSON.stringify({ opened, accepted, stillOpen, failures: failures.slice(0, 3) })}\n`);
process.exit(0);
