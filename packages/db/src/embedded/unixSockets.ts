import { Socket } from 'node:net'

/**
 * The codes of seccomp filters, Seatbelt and security modules. connect(2) returns none of them
 * otherwise.
 */
const FORBIDDEN: readonly string[] = [
  'EPERM',
  'EACCES',
  'EAFNOSUPPORT',
  'EPROTONOSUPPORT',
  'EINVAL',
  'ENOSYS',
]

/**
 * Whether the error of a connection means that a sandbox forbids Unix sockets: seccomp and Seatbelt
 * answer EPERM or EAFNOSUPPORT, a security module EACCES. This process must be allowed to enter the
 * path of the socket.
 */
export function isForbidden(error: Error): boolean {
  const { code = '', syscall } = error as NodeJS.ErrnoException
  return syscall === 'connect' && FORBIDDEN.includes(code)
}

/** No file is below a device, so nothing can listen there. */
const NOWHERE = '/dev/null/socket'

/** The system's message if this process may not use Unix sockets; undefined if it may. */
export function unixSocketRefusal(): Promise<string | undefined> {
  return new Promise((resolve) => {
    new Socket()
      .once('error', (error) => resolve(isForbidden(error) ? error.message : undefined))
      .connect({ path: NOWHERE })
  })
}
