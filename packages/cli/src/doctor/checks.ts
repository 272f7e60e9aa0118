import type { Check } from './Check.js'
import { databaseCheck } from './database.js'
import { versionsCheck } from './versions.js'

/** In the order in which their findings are printed. */
export const CHECKS: readonly Check[] = [databaseCheck, versionsCheck]
