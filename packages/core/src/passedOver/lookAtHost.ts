import { type KernelPorts, readKernelPorts } from '../listeners/kernelPorts.js'
import type { Listeners } from '../listeners/Listeners.js'
import { readListeners } from '../listeners/readListeners.js'
import { readSysctl } from './sysctl.js'

/** What this host's kernel shows at one moment. */
export interface HostLook {
  /** Undefined if they cannot be seen. */
  readonly listeners: Listeners | undefined
  /** Undefined if they cannot be read. */
  readonly kernelPorts: KernelPorts | undefined
}

let underWay: Promise<HostLook> | undefined

/**
 * Looks at this host. Who asks while a look is under way shares it, so it is never older than the
 * call that began it. Nothing is kept afterwards.
 */
export function lookAtHost(): Promise<HostLook> {
  underWay ??= look().finally(() => {
    underWay = undefined
  })
  return underWay
}

async function look(): Promise<HostLook> {
  const [listeners, kernelPorts] = await Promise.all([readListeners(), readSettings()])
  return { listeners, kernelPorts }
}

async function readSettings(): Promise<KernelPorts | undefined> {
  switch (process.platform) {
    case 'linux':
      return readKernelPorts()
    case 'darwin':
      return readSysctl()
  }
}
