import type { JsonObject } from '../../protocol/index.js';
import type { Scope } from './scope.js';

/** A document at one of its versions. */
export interface Stored {
  /** The counter behind ETag: 1 at first, raised by every change. */
  readonly version: number;
  /** The whole document as JSON text: id and times included. */
  readonly text: string;
}

/** Who changes something, and where. */
export interface Caller {
  readonly projectId: string;
  readonly actor: string;
}

/** What a change makes of a document, and what its event says beside the type. */
export interface Change {
  /** `context.updated`, … */
  readonly event: string;
  readonly document: JsonObject;
  readonly data?: JsonObject;
}

/** That a document has changed. */
export interface DocumentChange {
  readonly projectId: string;
  readonly id: string;
  /** Infinity when it was removed. */
  readonly version: number;
}

export interface Page {
  readonly documents: readonly Stored[];
  /** Opaque; `undefined` on the last page. */
  readonly next: string | undefined;
}

export interface ListQuery {
  /** Column and value. */
  readonly filters: Readonly<Record<string, string>>;
  readonly limit: number;
  readonly cursor: string | undefined;
}

/** The documents of one kind: what every module has in common. */
export interface Documents {
  /**
   * @param document checked by the module; its `id` too.
   * @param data what the event says beside the type.
   * @throws MplpError MPLP_ERR_MODULES_ID_TAKEN
   */
  create(scope: Scope, document: JsonObject, data?: JsonObject): Promise<Stored>;
  /** Through the cache; at once when it is in memory. @throws MplpError MPLP_ERR_MODULES_NOT_FOUND; a promise fails with it */
  get(projectId: string, id: string): Stored | Promise<Stored>;
  /** Newest first. @throws MplpError MPLP_ERR_HTTP_BAD_REQUEST for a cursor that is none. */
  list(projectId: string, query: ListQuery): Promise<Page>;
  /**
   * Changes a document as `decide` says, which may be asked again with a newer one; `undefined` leaves it as it is. It
   * gets a copy that it may change.
   *
   * @param ifVersion the version that the caller has seen.
   * @throws MplpError MPLP_ERR_MODULES_NOT_FOUND, MPLP_ERR_HTTP_PRECONDITION_FAILED, and what `decide` throws.
   */
  change(
    scope: Scope,
    id: string,
    ifVersion: number | undefined,
    decide: (current: JsonObject, version: number) => Change | undefined,
  ): Promise<Stored>;
  /** @throws MplpError MPLP_ERR_MODULES_NOT_FOUND, MPLP_ERR_HTTP_PRECONDITION_FAILED */
  remove(scope: Scope, id: string, ifVersion: number | undefined, data?: JsonObject): Promise<void>;
  /** Another engine may have changed it, unheard of as yet: from now on `get` gives nothing older than what is stored now. */
  forget(projectId: string, id: string): void;
}
