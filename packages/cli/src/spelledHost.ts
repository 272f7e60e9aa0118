import type { PortManager } from '@ports/core'
import { commandLine } from './commandLine.js'

/**
 * The words that name a host on the command line: none for this host, an option for another. A name
 * that means this host here, such as localhost if this host has another name, was stored by a
 * machine that has that name. The command then sets it as the name of this host.
 */
export function spelledHost(hostname: string, ports: PortManager) {
  if (ports.scope().hostname === hostname) return { environment: '', options: [] }
  return ports.scope({ hostname }).hostname === hostname
    ? { environment: '', options: ['--hostname', hostname] }
    : { environment: `${commandLine(`PORTS_HOSTNAME=${hostname}`)} `, options: [] }
}
