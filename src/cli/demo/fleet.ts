import type { Random } from './random.js';

/** One step of a mission as it will happen; `offsetMs` counts from the start of the mission. */
export interface Step {
  readonly id: string;
  readonly spanId: string;
  readonly parent: Step | undefined;
  readonly agentId: string;
  readonly role: string;
  readonly name: string;
  readonly type: 'execute' | 'invoke' | 'validate' | 'complete';
  readonly offsetMs: number;
  durationMs: number;
  readonly parameters: Record<string, unknown>;
  status: 'success' | 'failure' | 'timeout' | 'cancelled';
  output?: Record<string, unknown>;
  error?: Record<string, unknown>;
  metrics?: Record<string, unknown>;
}

/** The steps that a team of agents takes to carry out one task: one trace. */
export interface Mission {
  readonly traceId: string;
  readonly contextId: string;
  readonly steps: readonly Step[];
  readonly tags: Record<string, unknown>;
}

export interface Fleet {
  readonly agents: readonly { readonly id: string; readonly role: string }[];
  planMission(): Mission;
}

interface Model {
  readonly name: string;
  readonly dollarsPerMillionIn: number;
  readonly dollarsPerMillionOut: number;
  readonly tokensPerSecond: number;
}

const MODELS: readonly Model[] = [
  { name: 'atlas-large', dollarsPerMillionIn: 3, dollarsPerMillionOut: 15, tokensPerSecond: 70 },
  { name: 'atlas-small', dollarsPerMillionIn: 0.25, dollarsPerMillionOut: 1.25, tokensPerSecond: 160 },
  { name: 'ember-code', dollarsPerMillionIn: 1, dollarsPerMillionOut: 5, tokensPerSecond: 110 },
];

const TASKS = [
  'fix failing build',
  'answer support ticket',
  'review pull request',
  'summarise incident',
  'migrate schema',
];
const CUSTOMERS = ['northwind', 'contoso', 'globex', 'initech'];
const ROLES = ['planner', 'executor', 'executor', 'reviewer', 'tool'];

interface Tool {
  readonly name: string;
  readonly ms: readonly [number, number];
  readonly parameters: Record<string, unknown>;
  readonly error: Record<string, unknown>;
}

const TOOLS: readonly Tool[] = [
  {
    name: 'tool.search_code',
    ms: [20, 400],
    parameters: { query: 'retry policy', limit: 20 },
    error: { code: 'INDEX_STALE', message: 'the code index is older than the branch' },
  },
  {
    name: 'tool.run_tests',
    ms: [800, 6000],
    parameters: { command: 'make test', shard: 1 },
    error: {
      code: 'TESTS_FAILED',
      message: '3 of 412 tests failed: test_retry_after, test_drain, test_resume',
    },
  },
  {
    name: 'tool.http_get',
    ms: [30, 1200],
    parameters: { url: 'https://status.example.com/api/v2/incidents' },
    error: { code: 'ETIMEDOUT', message: 'no answer within 10 s', retryable: true },
  },
  {
    name: 'tool.sql_query',
    ms: [5, 250],
    parameters: { sql: 'SELECT id, state FROM tickets WHERE state = $1', values: ['open'] },
    error: { code: '57014', message: 'canceling statement due to statement timeout' },
  },
  {
    name: 'tool.write_file',
    ms: [1, 20],
    parameters: { path: 'src/retry.ts', bytes: 1834 },
    error: { code: 'ENOSPC', message: 'no space left on device' },
  },
];

/** A fleet of planners, executors, reviewers and tools that share contexts. The same seed gives the same fleet. */
export function createFleet(random: Random, agentCount: number): Fleet {
  const agents = Array.from({ length: agentCount }, (_, i) => ({
    id: random.uuid(),
    role: ROLES[i % ROLES.length] ?? 'tool',
  }));
  const contexts = Array.from({ length: Math.max(1, Math.ceil(agentCount / 8)) }, () => random.uuid());
  const ofRole = (role: string): { id: string; role: string } => {
    const fitting = agents.filter((agent) => agent.role === role);
    return random.pick(fitting.length > 0 ? fitting : agents);
  };
  return {
    agents,
    planMission: () => planMission(random, ofRole, random.pick(contexts)),
  };
}

function planMission(
  random: Random,
  ofRole: (role: string) => { id: string; role: string },
  contextId: string,
): Mission {
  const steps: Step[] = [];
  const task = random.pick(TASKS);
  let clockMs = 0;

  function begin(
    parent: Step | undefined,
    role: string,
    name: string,
    type: Step['type'],
    parameters: Record<string, unknown>,
  ): Step {
    const agent = parent !== undefined && parent.role === role ? { id: parent.agentId, role } : ofRole(role);
    const step: Step = {
      id: random.uuid(),
      spanId: random.uuid(),
      parent,
      agentId: agent.id,
      role,
      name,
      type,
      offsetMs: clockMs,
      durationMs: 0,
      parameters,
      status: 'success',
    };
    steps.push(step);
    clockMs += random.between(0.2, 3);
    return step;
  }

  function finish(step: Step): void {
    step.durationMs = clockMs - step.offsetMs;
  }

  function callModel(parent: Step, purpose: string): Step {
    const model = random.pick(MODELS);
    const input = random.whole(300, 9000);
    const output = random.whole(20, 700);
    const step = begin(parent, parent.role, 'llm.chat', 'invoke', {
      model: model.name,
      purpose,
      temperature: 0.2,
      max_tokens: 1024,
    });
    clockMs += random.between(150, 600) + (output / model.tokensPerSecond) * 1000;
    const cost = (input * model.dollarsPerMillionIn + output * model.dollarsPerMillionOut) / 1e6;
    step.metrics = {
      model: model.name,
      input_tokens: input,
      output_tokens: output,
      cost_usd: Number(cost.toFixed(6)),
    };
    if (random.chance(0.02)) {
      step.status = 'failure';
      step.error = {
        code: 'RATE_LIMITED',
        message: `${model.name}: too many requests, retry after 2 s`,
        retryable: true,
      };
    } else step.output = { finish_reason: 'stop', text: `Step towards "${task}": ${purpose}.` };
    finish(step);
    return step;
  }

  function useTool(parent: Step): Step {
    const tool = random.pick(TOOLS);
    const step = begin(parent, 'tool', tool.name, 'invoke', tool.parameters);
    clockMs += random.between(...tool.ms);
    if (random.chance(0.07)) {
      step.status = random.chance(0.3) ? 'timeout' : 'failure';
      step.error = tool.error;
    } else step.output = { ok: true, items: random.whole(0, 40) };
    finish(step);
    return step;
  }

  const root = begin(undefined, 'planner', 'mission', 'execute', { task });
  const plan = begin(root, 'planner', 'plan', 'execute', { task });
  callModel(plan, 'break the task into steps');
  finish(plan);
  let failed = false;
  for (let i = random.whole(1, 4); i > 0 && !failed; i--) {
    const work = begin(root, 'executor', 'work', 'execute', { step: i });
    for (let turn = random.whole(1, 3); turn > 0; turn--) {
      callModel(work, 'choose the next action');
      const used = useTool(work);
      // Most failures are met with another try; some end the mission.
      if (used.status === 'success') continue;
      if (random.chance(0.6)) useTool(work);
      else failed = true;
    }
    if (failed) {
      work.status = 'failure';
      work.error = { code: 'STEP_FAILED', message: 'a tool failed and no other way was found' };
    }
    finish(work);
  }
  const review = begin(root, 'reviewer', 'review', 'validate', { criteria: ['correct', 'complete', 'safe'] });
  callModel(review, 'judge the result');
  review.output = {
    approved: !failed,
    score: Number(random.between(failed ? 0.1 : 0.7, failed ? 0.5 : 1).toFixed(2)),
  };
  finish(review);
  root.status = failed ? 'failure' : 'success';
  if (failed) root.error = { code: 'MISSION_FAILED', message: `"${task}" was given up` };
  finish(root);

  const tags = {
    customer: random.pick(CUSTOMERS),
    environment: random.chance(0.8) ? 'production' : 'staging',
    demo: true,
  };
  return { traceId: random.uuid(), contextId, steps, tags };
}
