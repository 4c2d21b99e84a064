export type {
  DeliveryLimits,
  DeliveryRecord,
  SendResult,
  StoredDelivery,
  Webhook,
  WebhookSettings,
} from './contract.js';
export type { ResolveName } from './guarded-connection.js';
export { readSettings } from './settings.js';
export { createWebhooks, type Webhooks, type WebhooksOptions } from './webhooks.js';
