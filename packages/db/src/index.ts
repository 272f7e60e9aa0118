export {
  type DatabaseStatus,
  databaseStatus,
  startDatabase,
  stopDatabase,
} from './databaseStatus.js'
export type { DatabaseOptions } from './databaseUrl.js'
export { migrate, type SchemaState, seed } from './migrate.js'
export { openRepository } from './openRepository.js'
export { openRunning } from './openRunning.js'
export type { Seeded, SkippedRange } from './seed.js'
