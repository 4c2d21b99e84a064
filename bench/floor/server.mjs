import uWS from 'uWebSockets.js';

/**
 * First part of the floor: uWebSockets.js takes the same bodies over the same connections, looks at nothing
 * and answers with a receipt for as many spans as it was told that a body has.
 */

const spansPerBody = Number(process.env['FLOOR_SPANS_PER_BODY'] ?? 1000);
const receipt = JSON.stringify({
  receipt: '00000000-0000-4000-8000-000000000000',
  accepted: spansPerBody,
  rejected: 0,
  duplicates: 0,
  errors: [],
  errors_truncated: false,
});

const app = uWS.App();
app.post('/v1.0/traces', (response) => {
  response.onAborted(() => {});
  response.onData((_chunk, isLast) => {
    if (!isLast) return;
    response.cork(() =>
      response.writeStatus('202 Accepted').writeHeader('Content-Type', 'application/json').end(receipt),
    );
  });
});
app.ws('/v1.0/traces/ws', {
  maxPayloadLength: 64 * 1024 * 1024,
  open: (socket) => void socket.send(JSON.stringify({ credits: { spans: 1e12, bytes: 1e15 } })),
  message(socket, data) {
    // The one field that the client checks: `{seq, spans}` starts with it.
    const seq = new DataView(data).getUint32(6);
    socket.send(`{"seq":${seq},${receipt.slice(1)}`);
  },
});
app.listen('127.0.0.1', 0, (listening) => {
  if (!listening) throw new Error('the floor server could not listen');
  process.stdout.write(
    `${JSON.stringify({ ready: true, url: `http://127.0.0.1:${uWS.us_socket_local_port(listening)}` })}\n`,
  );
});
process.on('SIGTERM', () => process.exit(0));
