import { backends } from './backends.mjs'
import { clients } from './clients.mjs'
import { clock } from './clock.mjs'
import { crowds } from './crowds.mjs'
import { disk } from './disk.mjs'
import { limits } from './limits.mjs'
import { locks } from './locks.mjs'
import { machines } from './machines.mjs'
import { migration } from './migration.mjs'
import { network } from './network.mjs'
import { rows } from './rows.mjs'

export const FAULTS = [
  ...clients,
  ...backends,
  ...rows,
  ...locks,
  ...crowds,
  ...network,
  ...limits,
  ...disk,
  ...clock,
  ...migration,
  ...machines,
]
