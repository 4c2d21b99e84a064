import { MplpError } from '../../errors/index.js';

export type ContextStatus = 'active' | 'suspended' | 'completed' | 'failed';
export type LifecycleStage = 'planning' | 'execution' | 'validation' | 'completion';

/** From each status, those that may follow. `completed` is the end; what failed may be taken up again. */
export const statusTransitions: Readonly<Record<ContextStatus, readonly ContextStatus[]>> = {
  active: ['suspended', 'completed', 'failed'],
  suspended: ['active', 'failed'],
  failed: ['active'],
  completed: [],
};

/** From each stage, those that may follow: forward by one, or back to do work again. */
export const stageTransitions: Readonly<Record<LifecycleStage, readonly LifecycleStage[]>> = {
  planning: ['execution'],
  execution: ['validation', 'planning'],
  validation: ['completion', 'execution', 'planning'],
  completion: [],
};

/**
 * Staying where it is is always legal.
 *
 * @throws MplpError MPLP_ERR_MODULES_TRANSITION, which names what would be legal
 */
export function checkTransition<State extends string>(
  member: 'status' | 'lifecycle_stage',
  transitions: Readonly<Record<State, readonly State[]>>,
  from: State,
  to: State,
): void {
  const legal = transitions[from];
  if (from === to || legal.includes(to)) return;
  const choices = legal.length === 0 ? 'nothing' : legal.join(', ');
  throw new MplpError(
    'MPLP_ERR_MODULES_TRANSITION',
    `A context cannot go from ${member} ${from} to ${to}; legal from ${from}: ${choices}.`,
    { extensions: { member, from, to, legal } },
  );
}
