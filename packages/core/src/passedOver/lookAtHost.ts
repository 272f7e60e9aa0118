import { type KernelPorts, readKernelPorts } from '../listeners/kernelPorts.js'
import { listeningPorts } from '../listeners/listeningPorts.js'
import type { Protocol } from '../PortAllocation.js'
import { readSysctl } from './sysctl.js'

/** The numbers of a protocol that this host's kernel shows at one moment. */
export interface HostLook {
  /** The numbers on which something listens; undefined if they cannot be seen. */
  readonly listening: readonly number[] | undefined
  /** Undefined if they cannot be read. */
  readonly kernelPorts: KernelPorts | undefined
}

export async function lookAtHost(protocol: Protocol): Promise<HostLook> {
  const [listening, kernelPorts] = await Promise.all([
    listeningPorts(protocol),
    readKernelSettings(),
  ])
  return { listening, kernelPorts }
}

/** Undefined if they cannot be read. */
export async function readKernelSettings(): Promise<KernelPorts | undefined> {
  switch (process.platform) {
    case 'linux':
      return readKernelPorts()
    case 'darwin':
      return readSysctl()
  }
}
