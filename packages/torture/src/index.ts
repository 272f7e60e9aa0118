// The parts that deploy/ uses.
export { check } from './checker/check.js'
export { History } from './processes/History.js'
export { notingLost } from './processes/registry.js'
export { createProjects, now, PROJECTS, PROTOCOLS, pick, SHARED } from './workload.js'
