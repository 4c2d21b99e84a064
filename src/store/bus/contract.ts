/** Hints between engines, and within one. They arrive in order or not at all. */
export interface Bus {
  /**
   * Tells the subscribers of a channel, those of this engine included. Waits for nothing and never fails; the message may
   * be lost on its way to other engines.
   *
   * @param message at most 8,192 characters
   */
  publish(channel: string, message: string): void;
  /**
   * @param onGap called when messages of others may have been missed: with each connection that comes to be
   * @returns what ends the subscription
   */
  subscribe(channel: string, onMessage: (message: string) => void, onGap?: () => void): () => void;
  close(): Promise<void>;
}

export const MAX_MESSAGE_LENGTH = 8_192;

/** @throws RangeError for a message that is too long: a fault of the caller, since messages are hints. */
export function assertMessage(message: string): void {
  if (message.length > MAX_MESSAGE_LENGTH)
    throw new RangeError(`a message of ${message.length} characters is too long for the bus`);
}
