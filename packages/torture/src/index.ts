// The parts that packages/failover uses.
export { check } from './checker/check.js'
export { readRecords, readTable } from './database.js'
export { History } from './processes/History.js'
export { briefly, notingLost } from './processes/registry.js'
export { createProjects, now, PROJECTS, PROTOCOLS, pick, SHARED } from './workload.js'
