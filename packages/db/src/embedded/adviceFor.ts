/** The user's next step for a message of PostgreSQL or of the system. */
const ADVICE: readonly (readonly [cause: RegExp, advice: string])[] = [
  [
    /insufficient file descriptors|too many open files|\bE[MN]FILE\b|spawn EINVAL/i,
    'Raise the limit on open files to 256 or more (ulimit -n)',
  ],
  [
    /max_stack_depth|stack depth|stack limit/i,
    'Raise the limit on the stack to 2048 kB or more (ulimit -s)',
  ],
  [
    /shared memory segment.*No space left|\/dev\/shm|\/PostgreSQL\.\d+"?: No space left/i,
    'Give /dev/shm 64 MB or more (in a container: --shm-size=64m)',
  ],
  [
    /spawn .* EACCES|Permission denied.*\bexec/i,
    'Programs cannot be run from there: it may be mounted noexec',
  ],
  [
    /cannot allocate memory|could not map anonymous shared memory|out of memory|\bENOMEM\b/i,
    'Give it more memory (ulimit -v, or the limit of the container)',
  ],
  [
    /could not fork|Resource temporarily unavailable|\bEAGAIN\b/i,
    'Raise the limit on processes (ulimit -u, or the limit of the container)',
  ],
  [
    /file too large|\bEFBIG\b|signal 25|SIGXFSZ/i,
    'Raise the limit on the size of files (ulimit -f)',
  ],
  [/no space left|disk quota|\bENOSPC\b|\bEDQUOT\b/i, 'Make room there'],
  [/read-only file system|\bEROFS\b/i, 'The file system is read-only'],
  [/permission denied|\bEACCES\b|\bEPERM\b/i, 'Give this user permission to write there'],
]

/** Returns a sentence without its full stop. */
export function adviceFor(cause: string): string {
  return ADVICE.find(([pattern]) => pattern.test(cause))?.[1] ?? 'Correct that and try again'
}
