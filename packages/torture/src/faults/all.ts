import { backends } from './backends.js'
import { clients } from './clients.js'
import { clock } from './clock.js'
import { disk } from './disk.js'
import { limits } from './limits.js'
import { load } from './load.js'
import { locks } from './locks.js'
import { machines } from './machines.js'
import { migration } from './migration.js'
import { network } from './network.js'
import { rows } from './rows.js'

export const FAULTS = [
  ...clients,
  ...backends,
  ...rows,
  ...locks,
  ...load,
  ...network,
  ...limits,
  ...disk,
  ...clock,
  ...migration,
  ...machines,
]
