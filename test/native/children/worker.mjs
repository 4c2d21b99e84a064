// A worker thread that decodes until it is told enough, or is terminated in the middle.
import { parentPort, workerData } from 'node:worker_threads';
import { loadNative } from '#dist/native/index.js';

const native = loadNative();
const { body, batches } = workerData;
const bytes = Buffer.from(body);
const options = {
  projectId: 'p',
  seqBase: 1n,
  receivedAtSeconds: 1,
  minTimeUnixNano: 0n,
  maxTimeUnixNano: 1n << 62n,
  maxSpanBytes: 1 << 20,
};
const decoders = [native.createSpanDecoder(), native.createSpanDecoder()];
let rows = 0;
parentPort.postMessage('started');
for (let i = 0; i < batches; i += 1) {
  const decoder = decoders[i % 2];
  decoder.decode(bytes, bytes.length, 'ndjson', options);
  if (i % 4 === 3) {
    const block = decoder.take(new Uint8Array(decoder.maxBlockBytes));
    rows += block.rows;
  }
}
parentPort.postMessage({ rows });
