import { blockedCheck } from './blocked.js'
import type { Check } from './Check.js'
import { completionCheck } from './completion.js'
import { containersCheck } from './containers.js'
import { databaseCheck } from './database.js'
import { diskCheck } from './disk.js'
import { ephemeralCheck } from './ephemeral.js'
import { namesCheck } from './names.js'
import { namespaceCheck } from './namespace.js'
import { registriesCheck } from './registries.js'
import { sandboxCheck } from './sandbox.js'
import { settingsCheck } from './settings.js'
import { socketCheck } from './socket.js'
import { versionsCheck } from './versions.js'

/** In the order in which their findings are printed. */
export const CHECKS: readonly Check[] = [
  databaseCheck,
  versionsCheck,
  settingsCheck,
  socketCheck,
  diskCheck,
  sandboxCheck,
  namespaceCheck,
  containersCheck,
  ephemeralCheck,
  blockedCheck,
  namesCheck,
  registriesCheck,
  completionCheck,
]
