export {
  checkReason,
  createContexts,
  type Contexts,
  type Snapshot,
  type StatusChange,
  type Variable,
} from './contexts.js';
export { stageTransitions, statusTransitions } from './transitions.js';
export { createPatch, type PatchOperation } from './json-patch.js';
export {
  createContextSync,
  type ContextSync,
  type NodeResult,
  type SyncMessage,
  type SyncNode,
  type SyncType,
} from './sync.js';
