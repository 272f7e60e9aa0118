// What the failover of deploy/ uses of the torture.
export { check } from './check/check.js'
export { History } from './processes/History.js'
export { notingLost } from './processes/registry.js'
export { createProjects, now, PROJECTS, PROTOCOLS, pick, SHARED } from './workload.js'
