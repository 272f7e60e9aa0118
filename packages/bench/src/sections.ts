import type { Section } from './Section.js'
import * as audit from './sections/audit.js'
import * as embedded from './sections/embedded.js'
import * as growth from './sections/growth.js'
import * as manager from './sections/manager.js'
import * as mcp from './sections/mcp.js'
import * as numbers from './sections/numbers.js'
import * as peers from './sections/peers.js'
import * as processes from './sections/processes.js'
import * as sql from './sections/sql.js'

/** In the order of docs/performance.md. */
export const SECTIONS: Readonly<Record<string, Section>> = {
  sql,
  manager,
  numbers,
  growth,
  processes,
  mcp,
  audit,
  embedded,
  peers,
}
