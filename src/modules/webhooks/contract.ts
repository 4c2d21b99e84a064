/** Why a webhook gets nothing: somebody switched it off, its receiver answered 410, or it failed for too long. */
export type DisabledReason = 'requested' | 'gone' | 'failing';

export interface Webhook {
  readonly projectId: string;
  readonly id: string;
  readonly version: number;
  readonly url: string;
  readonly description: string | undefined;
  /** Types of events, or beginnings of types: `context.updated`, `context.*`, `*`. */
  readonly types: readonly string[];
  readonly status: 'active' | 'disabled';
  readonly disabledReason: DisabledReason | undefined;
  /** Attempts since the last success, and when the first of them was. */
  readonly failureCount: number;
  readonly failingSince: string | undefined;
  readonly createdBy: string | undefined;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** What its owner decides. */
export interface WebhookSettings {
  readonly url: string;
  readonly description: string | undefined;
  readonly types: readonly string[];
  readonly status: 'active' | 'disabled';
}

/** What delivery needs beside the document. */
export interface DeliverableWebhook extends Webhook {
  readonly secret: string;
  /** Events behind it are to be delivered. */
  readonly cursor: string;
  /** Milliseconds until the next attempt may be made; 0 or less is now. */
  readonly retryInMs: number;
}

/** One attempt that was made, or a stretch of events that could not be. */
export interface DeliveryRecord {
  readonly eventId: string;
  readonly eventType: string;
  /** `missed`: events before this one were removed from the log before they could be sent. */
  readonly outcome: 'delivered' | 'failed' | 'missed';
  readonly statusCode: number | undefined;
  readonly error: string | undefined;
  readonly durationMs: number | undefined;
}

export interface StoredDelivery extends DeliveryRecord {
  readonly attemptedAt: string;
}

/** What came of one request. */
export interface SendResult {
  readonly isDelivered: boolean;
  readonly statusCode: number | undefined;
  /** Why it was not delivered, for people; holds nothing that the receiver wrote and no address. */
  readonly error: string | undefined;
  readonly durationMs: number;
  /** What a 429 or 503 asked for. */
  readonly retryAfterMs: number | undefined;
}

/** Bounds on how delivery goes about it. */
export interface DeliveryLimits {
  readonly timeoutMs: number;
  readonly retryMs: number;
  readonly maxRetryMs: number;
  /** A webhook that has failed for so long, without a success between, is disabled. */
  readonly disableAfterMs: number;
  /** How often an engine that does not deliver looks whether it should. */
  readonly standbyMs: number;
  /** How often the cursors of webhooks to which nothing was sent are noted. */
  readonly noteMs: number;
}

export const defaultDeliveryLimits: DeliveryLimits = {
  timeoutMs: 15_000,
  retryMs: 1_000,
  maxRetryMs: 3_600_000,
  disableAfterMs: 3 * 24 * 3_600_000,
  standbyMs: 20_000,
  noteMs: 3_600_000,
};
