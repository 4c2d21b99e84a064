/** What the exit code of `mplp` tells a script. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  someRejected: 3,
  interrupted: 130,
} as const;

export const exitCodesHelp = `
Exit codes:
  0    done
  1    failed; the reason and what to do are on standard error
  2    the command line or the configuration is wrong
  3    done, but some spans were rejected
  130  interrupted`;
