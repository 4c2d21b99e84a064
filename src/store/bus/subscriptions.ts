import type { Logger } from '../../observability/log.js';

export interface Subscriptions {
  readonly channels: readonly string[];
  /** @returns whether the channel is new, and what ends the subscription, which tells whether it was the channel's last. */
  add(
    channel: string,
    onMessage: (message: string) => void,
    onGap: (() => void) | undefined,
  ): { readonly isFirst: boolean; remove(): boolean };
  deliver(channel: string, message: string): void;
  reportGap(): void;
  clear(): void;
}

interface Subscription {
  readonly onMessage: (message: string) => void;
  readonly onGap: (() => void) | undefined;
}

/** Who listens to what. A listener that throws is logged and keeps no other from hearing. */
export function createSubscriptions(log: Logger): Subscriptions {
  const byChannel = new Map<string, Set<Subscription>>();
  const call = (listener: () => void): void => {
    try {
      listener();
    } catch (error) {
      log.error({ err: error }, 'a subscriber of the bus failed');
    }
  };
  return {
    get channels() {
      return [...byChannel.keys()];
    },
    add(channel, onMessage, onGap) {
      const known = byChannel.get(channel);
      const subscriptions = known ?? new Set();
      byChannel.set(channel, subscriptions);
      const subscription = { onMessage, onGap };
      subscriptions.add(subscription);
      return {
        isFirst: known === undefined,
        remove() {
          if (!subscriptions.delete(subscription) || subscriptions.size > 0) return false;
          byChannel.delete(channel);
          return true;
        },
      };
    },
    deliver(channel, message) {
      const subscriptions = byChannel.get(channel);
      // One of them may end another meanwhile.
      for (const each of [...(subscriptions ?? [])])
        if (subscriptions?.has(each) === true) call(() => each.onMessage(message));
    },
    reportGap() {
      for (const subscriptions of [...byChannel.values()])
        for (const { onGap } of [...subscriptions]) if (onGap !== undefined) call(onGap);
    },
    clear: () => byChannel.clear(),
  };
}
