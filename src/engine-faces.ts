import {
  createStateManager,
  type Contexts,
  type ContextSync,
  type StateManager,
} from './modules/contexts/index.js';
import type { ProtocolServices } from './protocol/index.js';
import type { PostgresStore } from './store/postgres/index.js';
import { createTraceCollector, type TraceCollector } from './traces/collector/index.js';
import type { Intake } from './traces/intake/index.js';
import type { TailHub } from './traces/live/index.js';
import type { TraceQueries } from './traces/query/index.js';

/** What an engine can do, for the process it runs in: the services that its HTTP handlers call. */
export interface EngineFaces {
  readonly protocol: ProtocolServices;
  /** @param actor who its events name. @default engine */
  stateManager(projectId?: string, actor?: string): StateManager;
  traceCollector(projectId?: string): TraceCollector;
}

export interface EngineFacesOptions {
  readonly protocol: ProtocolServices;
  readonly contexts: Contexts;
  readonly sync: ContextSync;
  readonly store: PostgresStore;
  readonly intake: Intake;
  readonly queries: TraceQueries;
  readonly hub: TailHub;
}

const DEFAULT_PROJECT = 'default';
const DEFAULT_ACTOR = 'engine';

export function createEngineFaces({ protocol, ...parts }: EngineFacesOptions): EngineFaces {
  return {
    protocol,
    stateManager: (projectId = DEFAULT_PROJECT, actor = DEFAULT_ACTOR) =>
      createStateManager({ ...parts, caller: { projectId, actor } }),
    traceCollector: (projectId = DEFAULT_PROJECT) => createTraceCollector({ ...parts, projectId }),
  };
}
