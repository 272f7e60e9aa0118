import { access, readFile, readlink } from 'node:fs/promises'
import type { CallOptions } from '../CallOptions.js'
import type { CheckStore } from '../CheckStore.js'
import { PortsError } from '../errors.js'

/**
 * The network namespace that a machine boots with. Systems without namespaces have only this one.
 */
export const INITIAL_NETWORK = 'initial'

/**
 * Only the initial network namespace has this file: it is a setting of the machine, not of a
 * namespace.
 */
const SETTING_OF_THE_MACHINE = '/proc/sys/net/core/dev_weight'

/** The row of the kernel's own socket for NETLINK_ROUTE, which every network namespace has. */
const ROUTE_SOCKET = /^\S+ +0 +0 .* (?<inode>\d+) *$/m

/**
 * The network namespace of this process: `initial`, or the boot with the inodes of the namespace
 * (namespaces(7)) and of the kernel's routing socket in it. The first inode alone is not enough: a
 * new namespace gets the inode of one that has ended. Undefined if Linux does not tell.
 */
export async function networkHere(): Promise<string | undefined> {
  if (process.platform !== 'linux') return INITIAL_NETWORK
  try {
    await access(SETTING_OF_THE_MACHINE)
    return INITIAL_NETWORK
  } catch {
    // Another namespace, or no /proc/sys to read.
  }
  try {
    const [bootId, namespace, netlink] = await Promise.all([
      readFile('/proc/sys/kernel/random/boot_id', 'latin1'),
      readlink('/proc/self/ns/net'),
      readFile('/proc/net/netlink', 'latin1'),
    ])
    const inode = /^net:\[(\d+)\]$/.exec(namespace)?.[1]
    const socket = ROUTE_SOCKET.exec(netlink)?.groups?.inode
    return inode && socket && `${bootId.trim()}/${inode}-${socket}`
  } catch {
    return undefined
  }
}

type NetworkStore = Pick<CheckStore, 'networkOf' | 'assumedNetworkOf'>
type OpenStore = () => Promise<NetworkStore | undefined>

/**
 * Whether the sockets that this process sees are those of the host's services. The initial network
 * namespace needs no confirmation: the store is not asked. Any other one counts only if the store
 * says that the services are in it; a store that does not exist or cannot be asked confirms
 * nothing.
 * @throws the signal's reason
 */
export function seesServicesOf(
  hostname: string,
  openStore: OpenStore,
  call: CallOptions,
): Promise<boolean> {
  return isConfirmed(async (here) => (await openStore())?.networkOf(hostname, here, call), call)
}

/**
 * As `seesServicesOf`, for a call that only allocates. A store that knows of no namespace must not
 * record this one: a sandbox may ask for a port first, and checks in the namespace of the services
 * would then be unverifiable.
 * @throws the signal's reason
 */
export function mayStartServicesOf(
  hostname: string,
  openStore: OpenStore,
  call: CallOptions,
): Promise<boolean> {
  return isConfirmed(
    async (here) => (await openStore())?.assumedNetworkOf(hostname, here, call),
    call,
  )
}

async function isConfirmed(
  ask: (here: string) => Promise<string | undefined>,
  call: CallOptions,
): Promise<boolean> {
  const here = await networkHere()
  if (here === INITIAL_NETWORK) return true
  if (here === undefined) return false
  try {
    return (await ask(here)) === here
  } catch (error) {
    call.signal?.throwIfAborted()
    if (error instanceof PortsError) return false
    throw error
  }
}

/**
 * As `seesServicesOf`, and records in the store where the host's services run, if that is certain.
 */
export async function noteServicesOf(
  hostname: string,
  store: Pick<CheckStore, 'networkOf'>,
  call: CallOptions,
): Promise<boolean> {
  const here = await networkHere()
  return here !== undefined && (await store.networkOf(hostname, here, call)) === here
}
