// What the callers and the checker must agree on: who owns which numbers, which hosts there are, and
// by what names services go.
export const LARGE = { projectName: 'large', startPort: 20_200, endPort: 20_599 }
export const PROJECTS = [
  { projectName: 'small', startPort: 20_000, endPort: 20_011 },
  { projectName: 'middle', startPort: 20_100, endPort: 20_123 },
  LARGE,
]
export const HOSTS = ['alpha', 'beta']
/** Instances of the projects. The primary one has no name. */
export const INSTANCES = ['', 'copy']
export const PROTOCOLS = /** @type {const} */ (['tcp', 'udp'])

/** Services that every worker asks for and nobody ever releases. */
export const SHARED = ['shared-0', 'shared-1']

const COMMON_PERIOD_US = 4_000_000

/**
 * A service that every worker asks for and releases, for some seconds: a release without an answer
 * may land at any time, so that nothing is certain of that service any more.
 */
export function commonService() {
  return `common-${Math.floor(now() / COMMON_PERIOD_US)}`
}

/** @param {string} service a common one */
export function isOutdated(service) {
  return Number(service.slice('common-'.length)) < Math.floor(now() / COMMON_PERIOD_US) - 1
}

/**
 * How long an attempt without an answer may still take effect: far longer than any lock is held
 * here, or any byte is under way. The judgement builds on it where a service was released after that:
 * what it holds then was told to somebody.
 */
export const LANDED_AFTER_US = 30_000_000

/** Microseconds of the machine's monotonic clock: one clock for all processes, which never jumps. */
export function now() {
  return Number(process.hrtime.bigint() / 1000n)
}

/**
 * @template Item
 * @param {readonly Item[]} list
 * @returns {Item}
 */
export function pick(list) {
  return /** @type {Item} */ (list[Math.floor(Math.random() * list.length)])
}
