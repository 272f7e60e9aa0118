import type { PortManager } from '@ports/core'
import { commandLine } from './commandLine.js'

/**
 * How to name that host on the command line: nothing for this one, its name for another. A name
 * that means this host here, such as localhost if this host has another name, was stored by a
 * machine that goes by that name, so the command sets it as the name of this one.
 */
export function spelledHost(hostname: string, ports: PortManager) {
  if (ports.scope().hostname === hostname) return { environment: '', options: [] }
  return ports.scope({ hostname }).hostname === hostname
    ? { environment: '', options: ['--hostname', hostname] }
    : { environment: `${commandLine(`PORTS_HOSTNAME=${hostname}`)} `, options: [] }
}
