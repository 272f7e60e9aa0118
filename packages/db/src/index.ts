export {
  type DatabaseStatus,
  databaseStatus,
  startDatabase,
  stopDatabase,
} from './databaseStatus.js'
export type { DatabaseOptions } from './databaseUrl.js'
export { grantAccess } from './grant.js'
export { migrate, seed } from './management.js'
export type { SchemaState } from './migrate.js'
export { openRepository, openRunningRepository } from './openRepository.js'
export { openWithoutWaiting } from './openWithoutWaiting.js'
export { defaultRanges, type Seeded, type SkippedRange } from './seed.js'
