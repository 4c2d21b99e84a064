import { decode } from '@msgpack/msgpack';
import { randomBytes } from 'node:crypto';
import net from 'node:net';

/**
 * Client connections that cost next to nothing: prebuilt bytes go to a raw socket, one request at a time, and
 * only what the benchmark checks is read from the reply.
 *
 * @typedef {object} Reply
 * @property {number} status HTTP status; of a WebSocket receipt 202, of a problem its own.
 * @property {number} accepted Spans that the receipt counts as accepted.
 * @property {number} retryAfterMs
 * @property {string} text
 *
 * @typedef {object} ConnectionOptions
 * @property {string} url Of the server, without path.
 * @property {string} token
 * @property {string} contentType
 * @property {string} path
 *
 * @typedef {object} Connection
 * @property {(bytes: Buffer) => Promise<Reply>} send One at a time. `bytes` must not change until the reply.
 * @property {() => void} close
 */

/** A server that answers nothing for so long has failed; longer than any Retry-After. */
const silenceMs = 90_000;

/** @param {string} url */
async function openSocket(url) {
  const { hostname, port } = new URL(url);
  const socket = net.connect({ host: hostname, port: Number(port), noDelay: true });
  socket.setTimeout(silenceMs, () =>
    socket.destroy(new Error(`nothing was sent or received for ${silenceMs} ms`)),
  );
  await new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return socket;
}

/** Promise of the one reply that is awaited. */
function createReplySlot() {
  /** @type {{ resolve: (reply: any) => void, reject: (error: Error) => void } | undefined} */
  let waiting;
  return {
    wait: () => new Promise((resolve, reject) => (waiting = { resolve, reject })),
    /** @param {unknown} reply */
    settle(reply) {
      waiting?.resolve(reply);
      waiting = undefined;
    },
    /** @param {Error} error */
    fail(error) {
      waiting?.reject(error);
      waiting = undefined;
    },
  };
}

const acceptedOf = (/** @type {string} */ text) => Number(/"accepted":(\d+)/.exec(text)?.[1] ?? 0);

/** @param {ConnectionOptions} options @returns {Promise<Connection>} */
export async function openHttpConnection({ url, token, contentType, path }) {
  const socket = await openSocket(url);
  const slot = createReplySlot();
  const head =
    `POST ${path} HTTP/1.1\r\nHost: ${new URL(url).host}\r\nAuthorization: Bearer ${token}\r\n` +
    `Content-Type: ${contentType}\r\nContent-Length: `;
  let pending = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    const headEnd = pending.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const replyHead = pending.toString('latin1', 0, headEnd);
    const length = Number(/content-length: *(\d+)/i.exec(replyHead)?.[1] ?? NaN);
    if (Number.isNaN(length)) {
      socket.destroy(new Error(`a reply without Content-Length: ${replyHead}`));
      return;
    }
    if (pending.length < headEnd + 4 + length) return;
    const text = pending.toString('utf8', headEnd + 4, headEnd + 4 + length);
    pending = pending.subarray(headEnd + 4 + length);
    slot.settle({
      status: Number(replyHead.slice(9, 12)),
      accepted: acceptedOf(text),
      retryAfterMs: Number(/retry-after: *(\d+)/i.exec(replyHead)?.[1] ?? 0) * 1000,
      text,
    });
  });
  socket.on('error', (error) => slot.fail(error));
  socket.on('close', () => slot.fail(new Error('the server closed the connection')));
  return {
    send(bytes) {
      const reply = slot.wait();
      socket.cork();
      socket.write(`${head}${bytes.length}\r\n\r\n`, 'latin1');
      socket.write(bytes);
      socket.uncork();
      return reply;
    },
    close: () => socket.destroy(),
  };
}

/**
 * MessagePack frames `{seq, spans}`, one unanswered at a time and none while the server takes all credits back.
 * Frames are masked with the key 0, which RFC 6455 allows and which leaves the payload as it is.
 *
 * @param {ConnectionOptions} options
 * @param {number} seqOffset Where the frame's `seq` stands (uint32, big endian).
 * @returns {Promise<Connection>}
 */
export async function openWebSocketConnection({ url, token }, seqOffset) {
  const socket = await openSocket(url);
  const slot = createReplySlot();
  const opened = slot.wait();
  /** What may be unanswered at a time, as the server last said. */
  let credits = { spans: 0, bytes: 0 };
  let onCredits = () => {};
  let isOpen = false;
  let pending = Buffer.alloc(0);
  let seq = 0;

  const onMessage = (/** @type {any} */ message) => {
    if (message.credits !== undefined) {
      credits = message.credits;
      onCredits();
    }
    if (message.seq === undefined) return;
    if (message.seq !== seq)
      slot.fail(new Error(`the receipt of frame ${message.seq} came for frame ${seq}`));
    slot.settle({
      status: message.receipt === undefined ? message.error?.status : 202,
      accepted: message.accepted ?? 0,
      retryAfterMs: (message.error?.retry_after_seconds ?? 0) * 1000,
      text: JSON.stringify(message),
    });
  };

  socket.on('data', (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    if (!isOpen) {
      const headEnd = pending.indexOf('\r\n\r\n');
      if (headEnd < 0) return;
      const reply = pending.toString('latin1', 0, headEnd);
      pending = pending.subarray(headEnd + 4);
      if (!reply.startsWith('HTTP/1.1 101')) {
        slot.fail(new Error(`no WebSocket: ${reply}`));
        return;
      }
      isOpen = true;
      slot.settle(undefined);
    }
    for (;;) {
      const frame = readFrame(pending);
      if (frame === undefined) return;
      pending = pending.subarray(frame.bytes);
      if (frame.opcode === 1) onMessage(JSON.parse(frame.payload.toString()));
      else if (frame.opcode === 2) onMessage(decode(frame.payload));
      else if (frame.opcode === 9) socket.write(Buffer.from([0x8a, 0x80, 0, 0, 0, 0]));
      else if (frame.opcode === 8)
        slot.fail(
          new Error(`closed with ${frame.payload.length >= 2 ? frame.payload.readUInt16BE() : 1005}`),
        );
    }
  });
  socket.on('error', (error) => slot.fail(error));
  socket.on('close', () => slot.fail(new Error('the server closed the connection')));
  const { host } = new URL(url);
  socket.write(
    `GET /v1.0/traces/ws HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  await opened;

  return {
    async send(bytes) {
      // One frame at a time fits any credits but none.
      while (credits.spans <= 0 || credits.bytes <= 0) {
        await new Promise((resolve) => (onCredits = () => resolve(undefined)));
      }
      seq = (seq + 1) >>> 0;
      bytes.writeUInt32BE(seq, seqOffset);
      const reply = slot.wait();
      const head = Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
      head.writeUInt32BE(bytes.length, 6);
      socket.cork();
      socket.write(head);
      socket.write(bytes);
      socket.uncork();
      return reply;
    },
    close: () => socket.destroy(),
  };
}

/** First frame of a server's bytes, `undefined` while incomplete. @param {Buffer} bytes */
function readFrame(bytes) {
  if (bytes.length < 2) return undefined;
  let length = bytes[1] & 127;
  let start = 2;
  if (length === 126) {
    if (bytes.length < 4) return undefined;
    length = bytes.readUInt16BE(2);
    start = 4;
  } else if (length === 127) {
    if (bytes.length < 10) return undefined;
    length = Number(bytes.readBigUInt64BE(2));
    start = 10;
  }
  if (bytes.length < start + length) return undefined;
  return { opcode: bytes[0] & 15, payload: bytes.subarray(start, start + length), bytes: start + length };
}
