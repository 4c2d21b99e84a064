import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What befalls a process at the rename of the N-th part of an insert into place. */
export type RenameFault = 'EIO' | 'kill';

const source = String.raw`
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The file named by FAIL_RENAME_FILE says "<parts to let through> <fault>"; it is used up by the fault. */
int rename(const char *from, const char *to) {
  int (*real)(const char *, const char *) = (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
  const char *orders = getenv("FAIL_RENAME_FILE");
  FILE *file = orders != NULL && strstr(from, "/tmp_insert_") != NULL ? fopen(orders, "r+") : NULL;
  if (file == NULL) return real(from, to);
  int left = 0;
  char fault[8] = "";
  const int read = fscanf(file, "%d %7s", &left, fault);
  if (read == 2 && left > 0) {
    rewind(file);
    fprintf(file, "%d %s", left - 1, fault);
    fclose(file);
    return real(from, to);
  }
  fclose(file);
  unlink(orders);
  if (strcmp(fault, "kill") == 0) kill(getpid(), SIGKILL);
  errno = EIO;
  return -1;
}
`;

/** Makes the renames of parts fail in processes that are started with `env`. */
export function makeFailingRename(folder: string): {
  readonly env: Readonly<Record<string, string>>;
  /** The next insert fails after so many parts. */
  order(fault: RenameFault, after: number): void;
  /** Whether the order was carried out. */
  readonly isDone: boolean;
} {
  const library = join(folder, 'failing-rename.so');
  const orders = join(folder, 'failing-rename.orders');
  execFileSync('g++', ['-x', 'c', '-D_GNU_SOURCE', '-shared', '-fPIC', '-o', library, '-', '-ldl'], {
    input: source,
  });
  return {
    env: { LD_PRELOAD: library, FAIL_RENAME_FILE: orders },
    order: (fault, after) => writeFileSync(orders, `${after} ${fault}`),
    get isDone() {
      return !existsSync(orders);
    },
  };
}
