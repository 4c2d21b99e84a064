/**
 * Deterministic agent spans: the same seed and base time give the same spans in every process, so the load
 * client, the floor and the verification can each make them without passing gigabytes around.
 *
 * Shapes follow the sample of the design document: traces of 8 to 20 spans with parents, 50 agents, 200
 * contexts, 2 % failures with an error object, tags and metrics.
 */

/** Words that agents' texts are made of; the first are the most frequent. */
const words = (
  'the to of and a in for is on with task plan agent file data this that result step user code test from by ' +
  'model query search update context request response value error message tool call function index schema ' +
  'review document service table column check retry token prompt answer summary source module version report ' +
  'deploy branch commit patch build release config storage memory cluster worker queue stream batch record ' +
  'field number string object list map key trace span window limit budget cost latency quality score review ' +
  'customer invoice order payment product ticket email calendar meeting contract policy approval deadline ' +
  'because while before after between through during without against under over about into should would could ' +
  'must can will has have was were been being more less most least first second next last previous current ' +
  'new old open closed ready pending failed passed missing valid invalid empty full large small fast slow ' +
  'analyse compare extract translate summarise classify generate validate verify complete collect prepare ' +
  'measure explain describe propose select insert delete replace rename refactor optimise schedule assign ' +
  'résumé naïve café Zürich façade coöperate München señor déjà Ångström'
).split(' ');

const actions = [
  ['execute_task', 'execute'],
  ['call_tool', 'invoke'],
  ['search_documents', 'invoke'],
  ['generate_text', 'invoke'],
  ['read_file', 'invoke'],
  ['write_file', 'invoke'],
  ['run_tests', 'execute'],
  ['query_database', 'invoke'],
  ['validate_output', 'validate'],
  ['check_policy', 'validate'],
  ['review_changes', 'validate'],
  ['plan_next_step', 'execute'],
  ['summarise_result', 'complete'],
  ['finish_task', 'complete'],
];
const environments = ['production', 'production', 'production', 'staging', 'development'];
const regions = ['eu-west', 'eu-central', 'us-east', 'us-west', 'ap-south'];
const models = ['large-2', 'large-2', 'medium-1', 'small-3'];
const failures = [
  ['TOOL_UNAVAILABLE', 'the tool did not answer in time'],
  ['INVALID_OUTPUT', 'the output does not match the schema'],
  ['CONTEXT_OVERFLOW', 'the prompt is longer than the window of the model'],
  ['RATE_LIMITED', 'the provider asked to wait'],
];

const hexOfByte = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, '0'));

/**
 * Small fast counter-based generator (sfc32). Not for secrets.
 * @param {number} seed
 */
export function createRandom(seed) {
  let a = seed | 0;
  let b = 0x9e3779b9 ^ seed;
  let c = 0x243f6a88;
  let counter = 1;
  const uint32 = () => {
    const t = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    return t >>> 0;
  };
  for (let i = 0; i < 15; i++) uint32();
  return {
    uint32,
    /** In [0, 1). */
    unit: () => uint32() / 4294967296,
    /** Integer in [0, n). */
    below: (/** @type {number} */ n) => Math.floor((uint32() / 4294967296) * n),
    /** UUIDv4 text, lower case. */
    uuid() {
      const w = uint32();
      const x = (uint32() & 0xffff0fff) | 0x4000;
      const y = (uint32() & 0x3fffffff) | 0x80000000;
      const z = uint32();
      const h = hexOfByte;
      return (
        h[w >>> 24] +
        h[(w >>> 16) & 255] +
        h[(w >>> 8) & 255] +
        h[w & 255] +
        '-' +
        h[x >>> 24] +
        h[(x >>> 16) & 255] +
        '-' +
        h[(x >>> 8) & 255] +
        h[x & 255] +
        '-' +
        h[y >>> 24] +
        h[(y >>> 16) & 255] +
        '-' +
        h[(y >>> 8) & 255] +
        h[y & 255] +
        h[z >>> 24] +
        h[(z >>> 16) & 255] +
        h[(z >>> 8) & 255] +
        h[z & 255]
      );
    },
  };
}

/** @typedef {ReturnType<typeof createRandom>} Random */

/**
 * Sentence-like text of about `length` characters; frequent words are frequent.
 * @param {Random} random
 * @param {number} length
 */
export function makeText(random, length) {
  let text = '';
  let sinceStop = 0;
  while (text.length < length) {
    const rank = random.unit();
    text += words[Math.floor(words.length * rank * rank)];
    sinceStop++;
    if (sinceStop > 6 && random.below(8) === 0) {
      text += random.below(12) === 0 ? '.\n' : '. ';
      sinceStop = 0;
    } else {
      text += random.below(40) === 0 ? ', "' + random.below(1000) + '" ' : ' ';
    }
  }
  return text.slice(0, length);
}

/** Mean JSON bytes of a span, newline included. */
export const meanSpanBytes = { agent: 765, llm: 12 * 1024 };

/**
 * @typedef {object} SpanSourceOptions
 * @property {number} seed
 * @property {number} baseTimeMs Traces start before this time (milliseconds since the epoch).
 * @property {number} [spreadMs] How long before it at most; a minute when absent.
 * @property {'agent' | 'llm'} kind `llm` spans carry a prompt and a response.
 */

/** @param {SpanSourceOptions} options */
export function createSpanSource({ seed, baseTimeMs, spreadMs = 60_000, kind }) {
  const random = createRandom(seed);
  const agents = Array.from({ length: 50 }, () => random.uuid());
  const contexts = Array.from({ length: 200 }, () => random.uuid());
  const meanBytes = meanSpanBytes[kind];
  /** Bytes still owed so that the mean is kept. */
  let carryBytes = 0;

  /** @param {Record<string, unknown>} span @param {(promptLength: number, answerLength: number) => void} fill */
  const fillToSize = (span, fill) => {
    fill(0, 0);
    const bareBytes = Buffer.byteLength(JSON.stringify(span)) + 1;
    const wantBytes = meanBytes * (0.92 + 0.16 * random.unit()) + carryBytes;
    const textLength = Math.max(0, Math.round(wantBytes - bareBytes));
    const promptLength = Math.round(textLength * (kind === 'llm' ? 0.6 : 0.5));
    fill(promptLength, textLength - promptLength);
    const json = JSON.stringify(span);
    carryBytes = wantBytes - (Buffer.byteLength(json) + 1);
    return json;
  };

  /**
   * One whole trace, parents before children, cut after `most` spans.
   * @param {number} most
   * @returns {{ span: any, json: string }[]}
   */
  const nextTrace = (most) => {
    const size = Math.min(most, 8 + random.below(13));
    const traceId = random.uuid();
    const contextId = contexts[random.below(contexts.length)];
    const traceStartMs = baseTimeMs - 2_000 - random.below(spreadMs - 2_000);
    const lead = random.below(agents.length);
    const environment = environments[random.below(environments.length)];
    const region = regions[random.below(regions.length)];
    /** @type {string[]} */
    const ids = [];
    const trace = [];
    for (let i = 0; i < size; i++) {
      const spanId = random.uuid();
      const [name, type] = i === 0 ? actions[0] : actions[1 + random.below(actions.length - 1)];
      const durationMs = 1 + Math.floor(Math.exp(random.unit() * 7.3));
      const startMs = traceStartMs + i * 17 + random.below(17);
      const outcome = random.below(1000);
      const status =
        outcome < 20 ? 'failure' : outcome < 25 ? 'timeout' : outcome < 28 ? 'cancelled' : 'success';
      const parameters = { task_id: `task-${random.below(100_000)}` };
      const span = {
        id: random.uuid(),
        trace_id: traceId,
        span_id: spanId,
        ...(i > 0 && { parent_span_id: ids[random.below(Math.min(i, 4))] }),
        context_id: contextId,
        agent_id: agents[(lead + random.below(3)) % agents.length],
        action: { name, type, parameters, duration: `${durationMs}ms` },
        timestamp: {
          start: new Date(startMs).toISOString(),
          end: new Date(startMs + durationMs).toISOString(),
        },
        result: {
          status,
          ...(status === 'success' && { output: { result: 'task_completed' } }),
          ...(status === 'failure' && { error: makeError(random) }),
          metrics: {
            cpu_usage: random.below(1000) / 1000,
            memory_usage: `${16 + random.below(500)}MB`,
            ...(kind === 'llm' && {
              prompt_tokens: 900 + random.below(1200),
              completion_tokens: 500 + random.below(900),
            }),
          },
        },
        metadata: {
          tags: {
            environment,
            region,
            ...(kind === 'llm' && { model: models[random.below(models.length)] }),
          },
        },
      };
      ids.push(spanId);
      const json = fillToSize(span, kind === 'llm' ? fillConversation(span, random) : fillTask(span, random));
      trace.push({ span, json });
    }
    return trace;
  };

  return { nextTrace, agents, contexts };
}

/** @param {Random} random */
function makeError(random) {
  const [code, message] = failures[random.below(failures.length)];
  return { code, message, attempt: 1 + random.below(3) };
}

/** @param {any} span @param {Random} random */
function fillTask(span, random) {
  return (/** @type {number} */ promptLength, /** @type {number} */ answerLength) => {
    span.action.parameters.instruction = makeText(random, promptLength);
    const target = span.result.output ?? span.result.error ?? span.metadata.tags;
    target.note = makeText(random, answerLength);
  };
}

/** @param {any} span @param {Random} random */
function fillConversation(span, random) {
  return (/** @type {number} */ promptLength, /** @type {number} */ answerLength) => {
    const systemLength = Math.floor(promptLength / 4);
    span.action.parameters.messages = [
      { role: 'system', content: makeText(random, systemLength) },
      { role: 'user', content: makeText(random, promptLength - systemLength) },
    ];
    const target = span.result.output ?? span.result.error ?? span.metadata.tags;
    target.text = makeText(random, answerLength);
  };
}
