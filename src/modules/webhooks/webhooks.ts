import { randomUUID } from 'node:crypto';
import type { Registry } from 'prom-client';
import type { Logger } from '../../observability/log.js';
import type { EventLog } from '../../store/events/index.js';
import type { ListPosition, PostgresStore } from '../../store/postgres/index.js';
import { createAddressGuard } from './address-guard.js';
import {
  defaultDeliveryLimits,
  type DeliveryLimits,
  type SendResult,
  type StoredDelivery,
  type Webhook,
  type WebhookSettings,
} from './contract.js';
import { listDeliveries } from './delivery-table.js';
import { createDispatcher } from './dispatcher.js';
import { resolveByDns, type ResolveName } from './guarded-connection.js';
import { messageBody } from './message.js';
import { createWebhookSender } from './sender.js';
import { checkHost } from './settings.js';
import { createWebhookSecret } from './signature.js';
import { deleteWebhook, insertWebhook, listWebhooks, readWebhook, updateWebhook } from './webhook-table.js';

export interface WebhooksOptions {
  readonly store: PostgresStore;
  readonly events: EventLog;
  readonly log: Logger;
  readonly registry: Registry;
  /** Networks that may be reached although they are not public. */
  readonly allowNetworks: readonly string[];
  readonly limits?: Partial<DeliveryLimits>;
  /** Name servers, unless given. */
  readonly resolve?: ResolveName;
}

/** Every method throws MplpError MPLP_ERR_STORE_UNAVAILABLE while Postgres is away. */
export interface Webhooks {
  /** @throws MplpError MPLP_ERR_HTTP_BAD_REQUEST for a host that is not public; MPLP_ERR_WEBHOOKS_LIMIT */
  create(
    projectId: string,
    settings: WebhookSettings,
    actor: string,
  ): Promise<Webhook & { readonly secret: string }>;
  list(
    projectId: string,
    after: ListPosition | undefined,
    limit: number,
  ): Promise<{ readonly webhooks: readonly Webhook[]; readonly next: ListPosition | undefined }>;
  /** @throws MplpError MPLP_ERR_WEBHOOKS_NOT_FOUND */
  get(projectId: string, id: string): Promise<Webhook>;
  /**
   * @param version that the webhook must have; any when `undefined`
   * @throws MplpError as `create` and `get`; MPLP_ERR_HTTP_PRECONDITION_FAILED
   */
  update(
    projectId: string,
    id: string,
    settings: WebhookSettings,
    version: number | undefined,
    actor: string,
  ): Promise<Webhook>;
  /** @throws MplpError MPLP_ERR_WEBHOOKS_NOT_FOUND, MPLP_ERR_HTTP_PRECONDITION_FAILED */
  remove(projectId: string, id: string, version: number | undefined, actor: string): Promise<void>;
  /** Sends a `webhook.test` event at once, past the log and whatever waits. @throws MplpError MPLP_ERR_WEBHOOKS_NOT_FOUND */
  test(projectId: string, id: string, actor: string, signal: AbortSignal): Promise<SendResult>;
  /** The last attempts, newest first. @throws MplpError MPLP_ERR_WEBHOOKS_NOT_FOUND */
  deliveries(
    projectId: string,
    id: string,
    before: number | undefined,
    limit: number,
  ): Promise<{ readonly deliveries: readonly StoredDelivery[]; readonly next: number | undefined }>;
  /** This engine delivers, of those that share a Postgres. */
  readonly isDelivering: boolean;
  /** Stops delivering; what waits is delivered by another engine, or after the next start. */
  close(): Promise<void>;
}

/** Sends events to those who asked for them, signed as Standard Webhooks says. */
export function createWebhooks(options: WebhooksOptions): Webhooks {
  const { store } = options;
  const limits = { ...defaultDeliveryLimits, ...options.limits };
  const guard = createAddressGuard(options.allowNetworks);
  const resolve = options.resolve ?? resolveByDns;
  const sender = createWebhookSender({ guard, resolve, timeoutMs: limits.timeoutMs });
  const dispatcher = createDispatcher({ ...options, limits, sender });
  return {
    async create(projectId, settings, actor) {
      await checkHost(settings.url, guard, resolve);
      const secret = createWebhookSecret();
      return { ...(await insertWebhook(store, projectId, settings, secret, actor)), secret };
    },
    list: (projectId, after, limit) => listWebhooks(store, projectId, after, limit),
    async get(projectId, id) {
      const { secret: _, ...webhook } = await readWebhook(store, projectId, id);
      return webhook;
    },
    async update(projectId, id, settings, version, actor) {
      await checkHost(settings.url, guard, resolve);
      return updateWebhook(store, projectId, id, settings, version, actor);
    },
    remove: (projectId, id, version, actor) => deleteWebhook(store, projectId, id, version, actor),
    async test(projectId, id, actor, signal) {
      const { url, secret, version } = await readWebhook(store, projectId, id);
      const messageId = `test-${randomUUID()}`;
      const time = new Date().toISOString();
      const body = messageBody({
        id: messageId,
        projectId,
        type: 'webhook.test',
        subjectId: id,
        version,
        data: {},
        actor,
        time,
      });
      return sender.send({ url, secret, id: messageId, body }, signal);
    },
    async deliveries(projectId, id, before, limit) {
      await readWebhook(store, projectId, id);
      return listDeliveries(store, projectId, id, before, limit);
    },
    get isDelivering() {
      return dispatcher.isDelivering;
    },
    close: () => dispatcher.close(),
  };
}
