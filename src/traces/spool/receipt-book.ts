import type { KnownReceipt, ReceiptBook, ReceiptEntry } from './contract.js';

/** Shared by all receipts of one segment, so that storing the segment flips them all at once. */
export interface ReceiptState {
  stored: boolean;
}

interface Entry extends ReceiptEntry {
  readonly state: ReceiptState;
}

interface Project {
  readonly id: string;
  readonly byHash: Map<string, Entry>;
  readonly byId: Map<string, Entry>;
}

export interface MutableReceiptBook extends ReceiptBook {
  add(receipts: readonly ReceiptEntry[], state: ReceiptState): void;
  /** Forgets receipts whose record turned out to be damaged, so that a client's repeat is taken in. */
  remove(receipts: readonly ReceiptEntry[]): void;
  readonly size: number;
}

/** Receipts in memory: the newest `capacity`, oldest forgotten first. */
export function createReceiptBook(capacity: number): MutableReceiptBook {
  const projects = new Map<string, Project>();
  // A ring of the entries in order of arrival; grows up to the capacity.
  const ring: Entry[] = [];
  let oldest = 0;

  function forget(entry: Entry): void {
    const project = projects.get(entry.projectId);
    if (project === undefined) return;
    if (project.byHash.get(entry.hash) === entry) project.byHash.delete(entry.hash);
    if (project.byId.get(entry.receipt) === entry) project.byId.delete(entry.receipt);
    if (project.byHash.size === 0 && project.byId.size === 0) projects.delete(entry.projectId);
  }

  function known(entry: Entry | undefined): KnownReceipt | undefined {
    if (entry === undefined) return undefined;
    const { state, ...receipt } = entry;
    return { ...receipt, status: state.stored ? 'stored' : 'spooled' };
  }

  return {
    add(receipts, state) {
      for (const { receipt, projectId, hash, content, accepted, rejected } of receipts) {
        let project = projects.get(projectId);
        if (project === undefined) {
          project = { id: projectId, byHash: new Map(), byId: new Map() };
          projects.set(projectId, project);
        }
        const entry: Entry = { receipt, projectId: project.id, hash, content, accepted, rejected, state };
        if (ring.length < capacity) {
          ring.push(entry);
        } else {
          forget(ring[oldest]!);
          ring[oldest] = entry;
          oldest = (oldest + 1) % capacity;
        }
        project.byHash.set(hash, entry);
        project.byId.set(receipt, entry);
        projects.set(projectId, project);
      }
    },
    remove(receipts) {
      for (const { projectId, receipt } of receipts) {
        const entry = projects.get(projectId)?.byId.get(receipt);
        if (entry !== undefined) forget(entry);
      }
    },
    findByHash: (projectId, hash) => known(projects.get(projectId)?.byHash.get(hash)),
    findById: (projectId, receipt) => known(projects.get(projectId)?.byId.get(receipt)),
    get size() {
      return ring.length;
    },
  };
}
