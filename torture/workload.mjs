// What the workers and the checker must agree on: who owns which numbers, and which hosts there are.
export const PROJECTS = [
  { projectName: 'small', startPort: 20_000, endPort: 20_011 },
  { projectName: 'middle', startPort: 20_100, endPort: 20_123 },
  { projectName: 'large', startPort: 20_200, endPort: 20_399 },
]
export const HOSTS = ['alpha', 'beta']
export const PROTOCOLS = ['tcp', 'udp']

/** Services that every worker asks for and nobody ever releases. */
export const SHARED = ['shared-0', 'shared-1']

/** Microseconds of the machine's monotonic clock: one clock for all processes, which never jumps. */
export function now() {
  return Number(process.hrtime.bigint() / 1000n)
}
