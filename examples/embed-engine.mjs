// Runs the engine inside this process, databases included, and uses it as a library. Options: as of `mplp serve`.
import { randomUUID } from 'node:crypto';
import { createEngine, createLogger, loadConfig } from 'mplp-engine';

const { config } = loadConfig({ argv: process.argv.slice(2), env: process.env, cwd: process.cwd() });
const engine = await createEngine(config, createLogger({ level: 'warn', format: 'json' }));
try {
  const state = engine.stateManager();
  const context = await state.createContext({ shared_state: { variables: { budget: 100 } } });
  await state.updateState(context.id, { variables: { budget: 90 }, lifecycleStage: 'execution' });
  console.log('context', JSON.stringify((await state.getState(context.id)).shared_state));

  const traces = engine.traceCollector();
  const span = {
    trace_id: randomUUID(),
    span_id: randomUUID(),
    context_id: context.id,
    agent_id: randomUUID(),
    action: { name: 'greet', type: 'execute' },
    timestamp: { start: new Date().toISOString() },
  };
  await traces.recordTrace(span, { durability: 'stored' });
  const [stored] = await traces.queryTraces({ trace_id: span.trace_id });
  console.log('span', stored.span_id === span.span_id, stored.action.name);

  const schemas = engine.protocol.schemaValidator();
  await schemas.registerSchema('greeting', { type: 'object', required: ['text'] });
  console.log('schema', JSON.stringify((await schemas.validate({}, 'greeting')).errors));
} finally {
  await engine.close();
}
