import type { AttributedProcess, AttributedSocket } from '../processes/attributeUse.js'
import type { CheckedProcess } from './Audit.js'

/** The socket that decides whose a number is: a stranger's, else one of the holder's. */
export function decisiveSocket(sockets: readonly AttributedSocket[]): AttributedSocket | undefined {
  const of = (whose: AttributedSocket['whose']) => sockets.find((each) => each.whose === whose)
  return of('stranger') ?? of('holder') ?? sockets.find(({ process }) => process)
}

/** The process of a socket as checks and conflicts have it, if it can be seen. */
export function processOf(socket: AttributedSocket | undefined): {
  readonly process?: CheckedProcess
} {
  return socket?.process ? { process: checked(socket.process) } : {}
}

function checked(process: AttributedProcess): CheckedProcess {
  const { pid, command, addresses, container, whose, owner } = process
  const directory = container ? container.composeDirectory : process.directory
  const deletedDirectory = container ? undefined : process.deletedDirectory
  return {
    pid,
    ...(command !== undefined && { command }),
    ...(directory !== undefined && { directory }),
    ...(deletedDirectory !== undefined && { deletedDirectory }),
    addresses,
    ...(container && { container: container.name }),
    whose,
    ...(owner && { owner }),
  }
}
