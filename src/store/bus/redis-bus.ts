import { randomBytes } from 'node:crypto';
import type { Logger } from '../../observability/log.js';
import { createRedisLink, type RedisLimits, type RedisLink, type RedisMetrics } from '../redis/index.js';
import { assertMessage, MAX_MESSAGE_LENGTH, type Bus } from './contract.js';
import { createLocalBus } from './local-bus.js';
import { createSubscriptions } from './subscriptions.js';

export interface RedisBusOptions {
  readonly url: string;
  /** Messages leave through this connection; one that subscribes can do nothing else. */
  readonly link: RedisLink;
  readonly log: Logger;
  readonly metrics: RedisMetrics;
  readonly limits?: Partial<RedisLimits>;
}

const PREFIX = 'mplp:';
const SENDER_LENGTH = 16;
/** Nobody waits for these. */
const SUBSCRIBE_MS = 1_000;

/**
 * Between engines. Subscribers of this engine hear directly, so they do also while Redis is away; what comes back from
 * Redis of our own is known by the sender's name before the message.
 */
export function createRedisBus({ url, link, log, metrics, limits }: RedisBusOptions): Bus {
  const sender = randomBytes(SENDER_LENGTH / 2).toString('hex');
  const local = createLocalBus({ log });
  const subscriptions = createSubscriptions(log);
  const incoming = createRedisLink({
    url,
    name: 'subscriber',
    log,
    metrics,
    ...(limits === undefined ? {} : { limits }),
  });
  let isClosed = false;

  const onWire = (channel: string, text: string): void => {
    if (text.length > SENDER_LENGTH + 1 + MAX_MESSAGE_LENGTH || !/^[0-9a-f]{16} /.test(text)) return;
    if (text.startsWith(sender)) return;
    subscriptions.deliver(channel.slice(PREFIX.length), text.slice(SENDER_LENGTH + 1));
  };
  /** Without its subscriptions a connection would be silent, which looks like nothing happening: then rather a new one. */
  const listen = async (channels: readonly string[]): Promise<boolean> => {
    const names = channels.map((channel) => PREFIX + channel);
    const done =
      names.length === 0 || (await incoming.run((client) => client.subscribe(...names), SUBSCRIBE_MS));
    if (done === undefined) incoming.restart('Redis took no subscription');
    return done !== undefined;
  };
  incoming.onUp((client) => {
    client.on('message', onWire);
    void listen(subscriptions.channels).then((done) => {
      if (done && !isClosed) subscriptions.reportGap();
    });
  });

  return {
    publish(channel, message) {
      assertMessage(message);
      local.publish(channel, message);
      void link.run((client) => client.publish(PREFIX + channel, `${sender} ${message}`), SUBSCRIBE_MS);
    },
    subscribe(channel, onMessage, onGap) {
      const stopLocal = local.subscribe(channel, onMessage);
      const { isFirst, remove } = subscriptions.add(channel, onMessage, onGap);
      if (isFirst && incoming.isUp) void listen([channel]).then((done) => done && !isClosed && onGap?.());
      return () => {
        stopLocal();
        if (remove()) void incoming.run((client) => client.unsubscribe(PREFIX + channel));
      };
    },
    async close() {
      isClosed = true;
      subscriptions.clear();
      await local.close();
      await incoming.close();
    },
  };
}
