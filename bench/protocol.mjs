import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createProtocolEngine } from '#dist/protocol/verbs/protocol-engine.js';
import { describeCommit, describeMachine } from './machine.mjs';
import { readInteger, runBenchmark } from './options.mjs';

const usage = `node bench/protocol.mjs [--documents N] [--rounds N] [--out FILE]

Parse and validate (schema and rules) of module documents from JSON text, in one thread.
  --documents  documents a round and type (50,000)
  --rounds     rounds; the best counts (7)
  --out        write the JSON object there too, indented
The last line is one JSON object.`;

const id = (n) => `5f0c9b52-63a1-4f0d-9a3e-${String(n).padStart(12, '0')}`;
const times = { created_at: '2025-01-27T18:40:32.123Z', updated_at: '2025-01-27T18:40:33.123Z' };

/** Documents like the samples of the design document. `n` makes each one's ids its own. */
const samples = {
  context: (n) => ({
    id: id(n),
    version: '1.0.0',
    status: 'active',
    lifecycle_stage: 'planning',
    shared_state: {
      variables: { budget: n, owner: 'team-a' },
      resources: { cpu: 2 },
      dependencies: [id(n + 1)],
    },
    metadata: { ...times, created_by: 'planner' },
  }),
  plan: (n) => ({
    id: id(n),
    name: '项目开发计划',
    description: '完整的项目开发流程',
    tasks: [1, 2, 3].map((k) => ({
      id: id(n + k),
      name: '需求分析',
      type: 'atomic',
      priority: 'high',
      estimated_duration: '2d',
      resources_required: ['analyst', 'stakeholder'],
    })),
    dependencies: [1, 2].map((k) => ({
      from_task: id(n + k),
      to_task: id(n + k + 1),
      type: 'finish_to_start',
    })),
    workflow: {
      execution_strategy: 'sequential',
      error_handling: { retry_count: 3 },
      rollback_strategy: { checkpoint_enabled: true },
    },
  }),
  confirm: (n) => ({
    id: id(n),
    target: { type: 'task', id: id(n + 1), description: 'deploy' },
    type: 'approval',
    criteria: { rules: ['tests_passed'], thresholds: { coverage: 0.9 }, requirements: [] },
    approvers: [{ id: id(n + 2), type: 'human', role: 'lead', required: true }],
  }),
  trace: (n) => ({
    id: id(n),
    trace_id: id(n + 1),
    span_id: id(n + 2),
    context_id: id(n + 3),
    agent_id: id(n + 4),
    action: { name: 'execute_task', type: 'execute', parameters: { attempt: n }, duration: '150ms' },
    timestamp: { start: times.created_at, end: times.updated_at },
    result: {
      status: 'success',
      output: { result: 'ok' },
      metrics: { cpu_usage: 0.15, memory_usage: '64MB' },
    },
  }),
  role: (n) => ({
    id: id(n),
    name: 'developer',
    version: '1.0',
    capabilities: [{ name: 'typescript', type: 'skill', level: 'expert', parameters: { years: 5 } }],
    permissions: [{ resource: 'plans', actions: ['read', 'write'] }],
    metadata: times,
  }),
  extension: (n) => ({
    id: id(n),
    name: 'linter',
    version: '1.2.0',
    type: 'plugin',
    interface: { input_schema: {}, output_schema: {}, methods: ['lint'], events: [] },
    implementation: { runtime: 'nodejs', entry_point: 'dist/index.js', configuration: {} },
    security: { permissions: [], sandbox_level: 'strict' },
  }),
};

/** CPU nanoseconds of one item, the least of several rounds: what disturbs a round only makes it longer. */
function measure(texts, documents, rounds, run) {
  let best = Infinity;
  for (let round = 0; round <= rounds; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < documents; i++) run(texts[i % texts.length]);
    const { user, system } = process.cpuUsage(before);
    // The first round warms up.
    if (round > 0) best = Math.min(best, ((user + system) * 1000) / documents);
  }
  return best;
}

async function main() {
  const { values } = parseArgs({
    options: {
      documents: { type: 'string', default: '50000' },
      rounds: { type: 'string', default: '7' },
      out: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return void console.log(usage);
  const documents = readInteger('documents', values.documents);
  const rounds = readInteger('rounds', values.rounds);
  const machine = describeMachine();
  const engine = createProtocolEngine();
  const types = {};
  for (const [type, sample] of Object.entries(samples)) {
    const texts = Array.from({ length: 1000 }, (_, n) => JSON.stringify(sample(n)));
    // Results first: a verdict that is wrong is not worth measuring.
    for (const text of texts)
      if (!engine.validate(engine.parse(text, type)).valid) throw new Error(`${type}: refused`);
    const broken = engine.parse(texts[0].replace(id(0), 'ctx-123'), type);
    if (engine.validate(broken).valid) throw new Error(`${type}: a wrong id was accepted`);
    const both = measure(texts, documents, rounds, (text) => engine.validate(engine.parse(text, type)));
    const floor = measure(texts, documents, rounds, (text) => JSON.parse(text));
    types[type] = {
      bytes: Math.round(texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / texts.length),
      documents_per_second: Math.round(1e9 / both),
      json_parse_per_second: Math.round(1e9 / floor),
    };
    process.stderr.write(
      `${type.padEnd(10)} ${String(types[type].bytes).padStart(5)} bytes ${(1e9 / both).toFixed(0).padStart(9)}/s ` +
        `(JSON.parse alone ${(1e9 / floor).toFixed(0)}/s)\n`,
    );
  }
  const least = Math.min(...Object.values(types).map((type) => type.documents_per_second));
  const result = {
    bench: 'protocol',
    least_documents_per_second: least,
    types,
    machine,
    commit: describeCommit(),
  };
  if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(result, undefined, 2)}\n`);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

await runBenchmark('bench:protocol', usage, main);
