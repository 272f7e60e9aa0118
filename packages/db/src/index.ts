export {
  type DatabaseStatus,
  databaseStatus,
  startDatabase,
  stopDatabase,
} from './databaseStatus.js'
export type { DatabaseOptions } from './databaseUrl.js'
export { programsRefusal } from './embedded/binaries.js'
export { hiddenHomeRefusal } from './embedded/hiddenHome.js'
export { type OtherRegistry, otherRegistries } from './embedded/otherRegistries.js'
export type { RegistryFiles } from './embedded/registryFiles.js'
export { type SocketState, socketState } from './embedded/socketDirectory.js'
export { unixSocketRefusal } from './embedded/unixSockets.js'
export { grantAccess } from './grant.js'
export { migrate, seed } from './management.js'
export type { SchemaState } from './migrate.js'
export { openRepository, openRunningRepository } from './openRepository.js'
export { openWithoutWaiting } from './openWithoutWaiting.js'
export { defaultRanges, type Seeded, type SkippedRange } from './seed.js'
export { registryFiles, removeRegistry } from './uninstall.js'
