import { createRequire } from 'node:module';
import { forms, makeBodies } from '../bodies.mjs';

/**
 * Second part of the floor: simdjson parses the same bytes and nothing is done with them. MessagePack has no
 * such parser that others could agree on; its floor is the same spans as NDJSON.
 *
 * A child process of `floor.mjs`: `{pool, items}` comes in, the CPU time goes out.
 */
process.once(
  'message',
  (/** @type {{ pool: import('../bodies.mjs').PoolOptions, items: number }} */ { pool, items }) => {
    const { parseOnly } = createRequire(import.meta.url)('../../build/Release/mplp_floor.node');
    const form = forms[pool.form].encoding === 'msgpack' ? 'ndjson' : pool.form;
    const { encoding } = forms[form];
    const bodies = [...makeBodies({ ...pool, form })].map(({ padded, bytes, spans }) => ({
      padded,
      length: bytes.length,
      spans,
    }));
    let spans = 0;
    const before = process.cpuUsage();
    for (let item = 0; item < items; item++) {
      const body = bodies[item % bodies.length];
      parseOnly(body.padded, body.length, encoding);
      spans += body.spans;
    }
    const cpu = process.cpuUsage(before);
    process.send?.({ spans, cpuMicros: cpu.user + cpu.system }, () => process.disconnect());
  },
);
