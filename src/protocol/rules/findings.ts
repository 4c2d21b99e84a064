import type { FieldError } from '../../errors/index.js';
import { createFaultList, type FaultList, type Path } from '../faults.js';

/** What the rules beyond the schema found in one document. */
export interface Findings {
  readonly errors: readonly FieldError[];
  readonly warnings: readonly FieldError[];
}

const NOTHING: readonly FieldError[] = Object.freeze([]);

/** Collects at most `most` errors and as many warnings. Most documents have none, so lists are made when needed. */
export class FindingList implements Findings {
  private errorList: FaultList | undefined;
  private warningList: FaultList | undefined;

  constructor(private readonly most: number) {}

  get errors(): readonly FieldError[] {
    return this.errorList?.faults ?? NOTHING;
  }

  get warnings(): readonly FieldError[] {
    return this.warningList?.faults ?? NOTHING;
  }

  error(path: Path, keyword: string, message: string): void {
    this.errorList ??= createFaultList(this.most);
    this.errorList.add(path, keyword, message);
  }

  warn(path: Path, keyword: string, message: string): void {
    this.warningList ??= createFaultList(this.most);
    this.warningList.add(path, keyword, message);
  }
}

/** Calls `report` for each item whose key an earlier item has. */
export function eachRepeated<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  report: (index: number, key: string) => void,
): void {
  if (items.length < 2) return;
  const seen = new Set<string>();
  items.forEach((item, index) => {
    const key = keyOf(item);
    if (seen.has(key)) report(index, key);
    else seen.add(key);
  });
}
