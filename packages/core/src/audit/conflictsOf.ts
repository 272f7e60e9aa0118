import { contains } from '../bounds.js'
import type { Listener } from '../listeners/Listeners.js'
import type { Sighting } from '../listeners/Sighting.js'
import { nameOfService, type PortAllocation } from '../PortAllocation.js'
import type { Bounds, PortRange } from '../PortRange.js'
import type { AttributedSocket } from '../processes/attributeUse.js'
import { nameOfOwner } from '../processes/nameOfOwner.js'
import { nameOfRange } from '../range/nameOfRange.js'
import type { AuditConflict } from './Audit.js'
import { decisiveSocket, processOf } from './checkedProcess.js'
import { described } from './described.js'

/** An allocation, and what was seen of it. */
export interface Seen {
  readonly allocation: PortAllocation
  readonly sighting: Sighting
}

export interface Audited extends Seen {
  /** The sockets of this host that listen there. */
  readonly sockets: readonly AttributedSocket[]
}

/** The criteria by which an allocation is judged, besides what was seen of it. */
export interface Standard {
  /** The registry's owner, if it belongs to one user. */
  readonly ownerUid: number | undefined
  /** A service on which nothing was seen since then is idle. */
  readonly idleBefore: Date
  /** The times of the first kept checks of the allocations that were never in use, by id. */
  readonly checkedSince: ReadonlyMap<string, Date>
}

/** Root opens sockets for everybody: the published ports of containers, the sockets of systemd. */
const ROOT = 0

/** The conflict in the state of an allocation, if there is one. */
export function conflictOfState(
  { allocation, sighting, sockets }: Audited,
  { ownerUid, idleBefore, checkedSince }: Standard,
): AuditConflict[] {
  switch (sighting.verdict) {
    case 'listening':
      return strangerConflict(allocation, sockets, ownerUid)
    case 'not-listening': {
      if (sighting.heldBy) return [conflict('not-running', allocation, 'held by a connection')]
      const idleSince = idleSinceOf(allocation, checkedSince)
      return idleSince && idleSince < idleBefore
        ? [conflict('idle', allocation, `not running since ${day(idleSince)}`)]
        : [conflict('not-running', allocation, 'not running')]
    }
    case 'unknown':
      return []
  }
}

/** When something was last seen there. If nothing ever was, the time of the first kept check. */
function idleSinceOf(
  { id, lastUsedAt }: PortAllocation,
  checkedSince: ReadonlyMap<string, Date>,
): Date | undefined {
  return lastUsedAt ?? checkedSince.get(id)
}

function day(time: Date): string {
  return time.toISOString().slice(0, 10)
}

/** One conflict, however many strangers listen: a server may have a socket for each worker. */
function strangerConflict(
  allocation: PortAllocation,
  sockets: readonly AttributedSocket[],
  ownerUid: number | undefined,
): AuditConflict[] {
  const isOfOther = ({ uid }: AttributedSocket) => isOtherUser(uid, ownerUid)
  const isStranger = (each: AttributedSocket) => isOfOther(each) || each.whose === 'stranger'
  const stranger = sockets.find(isOfOther) ?? sockets.find(isStranger)
  if (!stranger) return []
  const inUse = sockets.every(isStranger) ? 'in use' : 'also in use'
  const uid = isOfOther(stranger) ? stranger.uid : undefined
  const by = uid === undefined ? userOf(stranger, allocation) : 'another user'
  return [
    {
      ...conflict('stranger', allocation, `${inUse} by ${by}`),
      ...(uid !== undefined && { uid }),
      ...processOf(stranger),
    },
  ]
}

function userOf({ process, container }: AttributedSocket, held: PortAllocation): string {
  if (process?.owner) return `a process of ${nameOfOwner(process.owner, held)}`
  return container && !process ? `the container ${container.name}` : 'a stranger'
}

/** Whether a socket is known to belong to neither root nor the owner. */
function isOtherUser(uid: number | undefined, ownerUid: number | undefined): boolean {
  return ownerUid !== undefined && uid !== undefined && uid !== ROOT && uid !== ownerUid
}

/** The allocations, all of this host, on numbers that its kernel may give to outgoing connections. */
export function ephemeralConflicts(
  allocations: readonly PortAllocation[],
  ephemeral: readonly Bounds[],
): AuditConflict[] {
  return allocations
    .filter(({ portNumber }) => ephemeral.some((each) => contains(each, portNumber)))
    .map((each) => conflict('ephemeral', each, 'in the ephemeral range'))
}

/** The conflicts of services that share a Cloudflare hostname. Each names the other services. */
export function hostnameConflicts(allocations: readonly PortAllocation[]): AuditConflict[] {
  const byHostname = new Map<string, PortAllocation[]>()
  for (const each of allocations) {
    if (each.cloudflareHostname === undefined) continue
    const others = byHostname.get(each.cloudflareHostname)
    if (others) others.push(each)
    else byHostname.set(each.cloudflareHostname, [each])
  }
  return [...byHostname].flatMap(([hostname, sharing]) => {
    const names = [...new Set(sharing.map(nameOfService))]
    if (names.length < 2) return []
    return sharing.map((each) => {
      const others = names.filter((name) => name !== nameOfService(each)).join(', ')
      return conflict('shared-hostname', each, `has ${hostname}, like ${others}`)
    })
  })
}

/** A TCP number of a range on which something listens, and which nobody holds. */
export interface Stray {
  readonly port: number
  readonly range: PortRange
  readonly sockets: readonly Listener[]
}

export function unregisteredConflict(
  { port, range }: Stray,
  hostname: string,
  sockets: readonly AttributedSocket[],
  ownerUid: number | undefined,
): AuditConflict {
  const other = sockets.find(({ uid }) => isOtherUser(uid, ownerUid))
  return {
    kind: 'unregistered',
    port,
    expected: `nobody (${range.projectName} ${nameOfRange(range)})`,
    actual: other ? 'in use by another user and held by nobody' : 'in use and held by nobody',
    hostname,
    protocol: 'tcp',
    projectName: range.projectName,
    ...(other?.uid !== undefined && { uid: other.uid }),
    ...processOf(other ?? decisiveSocket(sockets)),
  }
}

function conflict(
  kind: AuditConflict['kind'],
  allocation: PortAllocation,
  actual: string,
): AuditConflict {
  return { kind, ...described(allocation, actual) }
}
