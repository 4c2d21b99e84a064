export {
  checkReason,
  createContexts,
  type Contexts,
  type Snapshot,
  type StatusChange,
  type Variable,
} from './contexts.js';
export { stageTransitions, statusTransitions } from './transitions.js';
export {
  createStateManager,
  type ContextData,
  type StateManager,
  type StateManagerOptions,
  type StateMetrics,
  type StateUpdate,
  type SyncStateOptions,
} from './state-manager.js';
export { createPatch, type PatchOperation } from './json-patch.js';
export {
  createContextSync,
  type ContextSync,
  type NodeResult,
  type SyncMessage,
  type SyncNode,
  type SyncType,
} from './sync.js';
