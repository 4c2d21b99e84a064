import type { FieldError } from '../../errors/index.js';
import type { Dialect } from './schema-index.js';

/** A schema as it goes to a thread. */
export interface SchemaText {
  /** Its absolute address; the text's own `$id` may be relative. */
  readonly base: string;
  readonly text: string;
}

/** May these schemas be registered? `schemas` are they and all they refer to. */
export interface CheckTask {
  readonly kind: 'check';
  readonly dialect: Dialect;
  readonly schemas: readonly SchemaText[];
  /** The new ones: address, and where faults of it point. */
  readonly news: readonly { readonly base: string; readonly pointer: string }[];
}

export interface ValidateTask {
  readonly kind: 'validate';
  readonly dialect: Dialect;
  /** Names `schemas` and `base` for the thread's cache. */
  readonly digest: string;
  readonly base: string;
  readonly schemas: readonly SchemaText[];
  /** JSON text. */
  readonly document: string;
  /** All faults, where the verdict alone stops at the first. */
  readonly explain: boolean;
}

export interface ReadYamlTask {
  readonly kind: 'readYaml';
  readonly text: string;
}

export interface WriteYamlTask {
  readonly kind: 'writeYaml';
  /** JSON text. */
  readonly document: string;
}

export type SchemaTask = CheckTask | ValidateTask | ReadYamlTask | WriteYamlTask;

export type SchemaReply =
  | { readonly kind: 'faults'; readonly faults: readonly FieldError[] }
  | { readonly kind: 'text'; readonly text: string }
  /** The schema sends the validator round and round. */
  | { readonly kind: 'exhausted' };
