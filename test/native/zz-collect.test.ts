import { test } from 'vitest';
import { writeFileSync } from 'node:fs';
import { loadNative } from '#dist/native/index.js';
import { createSpanJudge } from '#dist/protocol/index.js';
import { createComparison } from '../support/native-verdicts.js';
import { makeSpanDocument, makeValidSpan } from '../support/span-documents.js';
test('collect', () => {
  const c = createComparison(loadNative().createSpanDecoder(), (limit) => createSpanJudge({ maxSpanBytes: limit }), 1 << 20);
  const out: string[] = []; const n: Record<string, number> = {};
  const base = Number(process.env['BASE'] ?? 1);
  for (const form of ['json', 'msgpack'] as const) {
    const first = { form, bytes: makeValidSpan(1, form), isBroken: false, seed: 1 };
    for (let k = 1; first.bytes.includes(10) || /c50010|c600000010/.test(Buffer.from(first.bytes).toString('hex')); k++) first.bytes = makeValidSpan(k, form);
    for (let s = 0; s < Number(process.env['N'] ?? 20000); s++) {
      const d = makeSpanDocument(base * 1000003 + s, form);
      const add = (k: string, r: string | undefined) => { n[k] ??= 0; if (r !== undefined && !(process.env['SKIP'] && new RegExp(process.env['SKIP']).test(Buffer.from(d.bytes).toString('hex')))) { n[k]++; if (n[k]! <= 15) out.push(`${k}\n${r}\n`); } };
      add(form + ' alone', c.compareAlone(d));
      add(form + ' alone limit', c.compareAlone(d, Math.max(0, d.bytes.length + (s % 3) - 1)));
      for (const body of form === 'json' ? ['ndjson', 'json array'] as const : ['msgpack sequence', 'msgpack array'] as const) add(body, c.compareBatch([first, d, first], body));
    }
  }
  console.log(n); writeFileSync('/tmp/disagreements.txt', out.join('\n'));
}, 600000);
