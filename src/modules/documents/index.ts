export { checkAgain, checkDocument, isUuid, refuseNul } from './check.js';
export type { Caller, Change, DocumentChange, Documents, ListQuery, Page, Stored } from './contract.js';
export { createDocuments, type DocumentsOptions } from './documents.js';
export { conflict, idTaken, invalid, invalidWith, notFound, stale } from './faults.js';
export { checkExpiry, checkFuture, checkSubject } from './holder.js';
export { MAX_DOCUMENT_BYTES, tooLarge } from './limits.js';
export { readCursor, writeCursor } from './cursor.js';
export { createScope, inTransaction, within, type Scope } from './scope.js';
