import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { documentOf, stateOf, written, type Change, type ContextState } from './model.js';
import type { Sent } from './oracle.js';
import type { StateCluster } from './cluster.js';

export interface Answer {
  readonly status: number;
  readonly etag: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Request {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What the client has of a context: it shows in which versions it may be given. */
interface Known {
  readonly id: string;
  /** The newest version that anybody told. */
  newest: number;
  /** By engine: what it has acknowledged; it must not answer with anything older. */
  readonly floors: [number, number];
  readonly snapshots: string[];
  isGoing: boolean;
}

const SETTLE_MS = 40_000;
const ANSWER_MS = 60_000;
const NOTHING_CHANGED = 'nothing was changed';
/** What a request for a change may be refused with. */
const REFUSALS = [404, 409, 412];

/** Sends requests, keeps what came of them for the oracle, and complains about answers that no engine may give. */
export function createStateClient(cluster: StateCluster) {
  const sent: Sent[] = [];
  const seen = new Map<string, Map<number, ContextState>>();
  const contexts = new Map<string, Known>();
  const snapshots = new Map<string, ContextState>();
  const faults: string[] = [];
  /** The newest version that was known when a request was sent: what it is answered is no older. */
  const begun = new Map<Sent, number>();
  const counts = { requests: 0, lost: 0, unavailable: 0, replayed: 0 };
  let number = 0;

  /** `undefined` when the connection broke, or there was none. */
  async function call(
    at: number,
    { method, path, body, headers = {} }: Request,
  ): Promise<Answer | undefined> {
    const { url, key } = cluster.engines[at] as { url: string; key: string };
    counts.requests++;
    try {
      const response = await fetch(`${url}/v1.0/contexts${path}`, {
        method,
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      const text = await response.text();
      const answer: Answer = {
        status: response.status,
        etag: Number(/^"(\d+)"$/.exec(response.headers.get('etag') ?? '')?.[1] ?? 0),
        body: (text === '' ? {} : JSON.parse(text)) as Answer['body'],
      };
      if (answer.status === 503) {
        counts.unavailable++;
        if (!(Number(response.headers.get('retry-after')) > 0))
          faults.push(`503 without Retry-After: ${text}`);
      } else if (answer.status >= 500)
        faults.push(`${method} ${path} was answered ${answer.status}: ${text}`);
      return answer;
    } catch (error) {
      if ((error as Error).name === 'TimeoutError') faults.push(`${method} ${path} was not answered`);
      counts.lost++;
      return undefined;
    }
  }

  const witness = (id: string, version: number, state: ContextState): void => {
    const versions = seen.get(id) ?? new Map<number, ContextState>();
    seen.set(id, versions);
    const before = versions.get(version);
    if (before !== undefined && !isDeepStrictEqual(before, state))
      faults.push(`version ${version} of ${id} is ${JSON.stringify(before)} and ${JSON.stringify(state)}`);
    versions.set(version, state);
  };

  async function read(at: number, id: string): Promise<Answer | undefined> {
    const known = contexts.get(id);
    const floor = known?.floors[at] ?? 0;
    const answer = await call(at, { method: 'GET', path: `/${id}` });
    if (answer?.status === 200) {
      if (answer.etag < floor)
        faults.push(`engine ${at} served version ${answer.etag} of ${id}, having acknowledged ${floor}`);
      witness(id, answer.etag, stateOf(answer.body));
      if (known !== undefined) known.newest = Math.max(known.newest, answer.etag);
    } else if (answer?.status === 404) {
      if (known?.isGoing === false) faults.push(`engine ${at} does not know ${id}, which nobody deleted`);
    } else if (answer !== undefined && answer.status !== 503)
      faults.push(`a read was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer;
  }

  /** Takes down what the answer to a change says; true when the request need not be sent again. */
  function take(request: Sent, at: number, answer: Answer | undefined): boolean {
    if (request.outcome === 'acknowledged') return true;
    if (answer === undefined || answer.status >= 500) {
      const isNone = String(answer?.body['detail']).includes(NOTHING_CHANGED);
      request.outcome = isNone && request.outcome !== 'maybe' ? 'none' : 'maybe';
      return false;
    }
    const { change } = request;
    if (answer.status >= 300) {
      // What is refused was not done before, either: else its first answer would have come again.
      request.outcome = 'none';
      if (!REFUSALS.includes(answer.status))
        faults.push(`${change.do} was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
      const { from, to, legal } = answer.body as { from?: string; to?: string; legal?: string[] };
      if (from !== undefined && (legal?.includes(to ?? '') === true || from === to))
        faults.push(`the legal transition from ${from} to ${to} was refused`);
      return true;
    }
    request.outcome = 'acknowledged';
    if (change.do === 'create') {
      const id = String(answer.body['id']);
      request.contextId = id;
      contexts.set(id, { id, newest: 1, floors: [0, 0], snapshots: [], isGoing: false });
    }
    const known = contexts.get(request.contextId ?? '') as Known;
    request.version =
      change.do === 'delete'
        ? Infinity
        : change.do === 'snapshot'
          ? Number(answer.body['version'])
          : answer.etag;
    if (change.do === 'snapshot') {
      request.snapshotId = String(answer.body['id']);
      known.snapshots.push(request.snapshotId);
    } else if (['create', 'replace', 'status', 'restore'].includes(change.do)) {
      const state = stateOf(answer.body);
      witness(known.id, answer.etag, state);
      if (change.do === 'status' && state.reason !== request.mark) {
        request.isNoChange = true;
        if (answer.etag < (begun.get(request) ?? 0))
          faults.push(
            `${request.mark} changed nothing of version ${answer.etag}, after ${begun.get(request)}`,
          );
        if ((change.status ?? state.status) !== state.status || (change.stage ?? state.stage) !== state.stage)
          faults.push(
            `${request.mark} was acknowledged with status ${state.status} and stage ${state.stage}`,
          );
      }
    }
    known.floors[at] = Math.max(known.floors[at] ?? 0, request.version);
    if (Number.isFinite(request.version)) known.newest = Math.max(known.newest, request.version);
    return true;
  }

  function requestOf(change: Change, id: string, mark: string): Request {
    switch (change.do) {
      case 'create':
        return { method: 'POST', path: '', body: documentOf(written(change, mark)) };
      case 'replace':
        return { method: 'PUT', path: `/${id}`, body: documentOf(written(change, mark)) };
      case 'status':
        return {
          method: 'PUT',
          path: `/${id}/status`,
          body: { status: change.status, lifecycle_stage: change.stage, reason: mark },
        };
      case 'set':
        return { method: 'POST', path: `/${id}/variables`, body: { key: change.key, value: mark } };
      case 'unset':
        return { method: 'DELETE', path: `/${id}/variables/${change.key}` };
      case 'snapshot':
        return { method: 'POST', path: `/${id}/snapshots`, body: {} };
      case 'delete':
        return { method: 'DELETE', path: `/${id}` };
      case 'restore':
        return { method: 'POST', path: `/${id}/restore`, body: { snapshot_id: change.snapshotId } };
    }
  }

  /** @param copies with an Idempotency-Key, sent again until there is an answer; 0 for once, without one. */
  async function change(
    at: number,
    what: Change,
    id: string | undefined,
    { ifVersion, copies }: { ifVersion: number | undefined; copies: number },
  ): Promise<void> {
    const mark = `request-${++number}`;
    const request: Sent = {
      mark,
      change: what,
      contextId: id,
      outcome: 'maybe',
      version: 0,
      isNoChange: false,
      snapshotId: undefined,
    };
    sent.push(request);
    begun.set(request, contexts.get(id ?? '')?.newest ?? 0);
    if (what.do === 'delete') (contexts.get(id ?? '') as Known).isGoing = true;
    const plain = requestOf(what, id ?? '', mark);
    const headers = {
      ...(ifVersion === undefined ? {} : { 'if-match': `"${ifVersion}"` }),
      ...(copies === 0 ? {} : { 'idempotency-key': `${process.pid}-${Date.now()}-${mark}` }),
    };
    const send = (engine: number): Promise<Answer | undefined> => call(engine, { ...plain, headers });
    if (copies === 0) {
      request.outcome = 'none';
      take(request, at, await send(at));
      return;
    }
    const engines = Array.from({ length: copies }, (_, n) => (at + n) % 2);
    const answers = await Promise.all(engines.map(send));
    for (const until = performance.now() + SETTLE_MS; !answers.some(isDone); await delay(100)) {
      const next = (at + answers.length) % 2;
      engines.push(next);
      answers.push(await send(next));
      if (performance.now() > until) {
        faults.push(`${mark} is not answered any more: ${JSON.stringify(answers.at(-1))}`);
        return;
      }
    }
    const given = answers.filter((answer) => answer !== undefined && answer.status < 300);
    if (given.length > 1) counts.replayed++;
    for (const other of given.slice(1))
      if (!isDeepStrictEqual(other, given[0]))
        faults.push(`${mark} was answered ${JSON.stringify(given[0])} and ${JSON.stringify(other)}`);
    // One success is what happened, whatever the other copies met.
    const order = answers.map((answer, n) => ({ answer, n }));
    for (const { answer, n } of order.filter(({ answer }) => given.includes(answer)))
      takeAgain(request, engines[n] as number, answer);
    if (given.length === 0)
      for (const { answer, n } of order.filter(({ answer }) => isDone(answer)))
        take(request, engines[n] as number, answer);
  }

  /** A second engine that gives the same answer has acknowledged the same. */
  function takeAgain(request: Sent, at: number, answer: Answer | undefined): void {
    if (request.outcome !== 'acknowledged') return void take(request, at, answer);
    const known = contexts.get(request.contextId ?? '') as Known;
    known.floors[at] = Math.max(known.floors[at] ?? 0, request.version);
  }

  async function readSnapshot(at: number, id: string, snapshotId: string): Promise<void> {
    const answer = await call(at, { method: 'GET', path: `/${id}/snapshots/${snapshotId}` });
    if (answer?.status !== 200) {
      if (answer?.status === 404 && contexts.get(id)?.isGoing === false)
        faults.push(`engine ${at} does not know snapshot ${snapshotId} of ${id}, which nobody deleted`);
      return;
    }
    const state = stateOf(answer.body['document'] as Record<string, unknown>);
    const before = snapshots.get(snapshotId);
    if (before !== undefined && !isDeepStrictEqual(before, state))
      faults.push(`snapshot ${snapshotId} was ${JSON.stringify(before)} and is ${JSON.stringify(state)}`);
    snapshots.set(snapshotId, state);
  }

  return { sent, seen, contexts, snapshots, faults, counts, call, read, change, readSnapshot };
}

export type StateClient = ReturnType<typeof createStateClient>;

function isDone(answer: Answer | undefined): boolean {
  return answer !== undefined && answer.status < 500;
}
