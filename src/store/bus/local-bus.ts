import type { Logger } from '../../observability/log.js';
import { assertMessage, type Bus } from './contract.js';
import { createSubscriptions } from './subscriptions.js';

/** Within one engine. Listeners are called after whoever publishes has gone on. */
export function createLocalBus({ log }: { readonly log: Logger }): Bus {
  const subscriptions = createSubscriptions(log);
  return {
    publish(channel, message) {
      assertMessage(message);
      setImmediate(() => subscriptions.deliver(channel, message));
    },
    subscribe(channel, onMessage, onGap) {
      const { remove } = subscriptions.add(channel, onMessage, onGap);
      return () => void remove();
    },
    async close() {
      subscriptions.clear();
    },
  };
}
