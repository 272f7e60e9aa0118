import type { WriteOptions } from '../CallOptions.js'
import { PortsError } from '../errors.js'
import type { ClaimOptions } from '../options.js'
import type { PortAllocation, Protocol, Service } from '../PortAllocation.js'
import type { PortManager } from '../PortManager.js'
import { PROJECT_FILE } from './ProjectFile.js'

type Claimed = PortAllocation & { readonly created: boolean }

interface Fixed {
  readonly projectName: string
  readonly serviceName: string
  readonly portNumber: number
  readonly protocols: readonly Protocol[]
}

/**
 * Gives a service its fixed port for all of its protocols, or for none of them.
 * @throws {PortsError} what `claim` throws
 */
export async function claimFixed(
  ports: PortManager,
  { projectName, serviceName, portNumber, protocols }: Fixed,
  options: ClaimOptions,
): Promise<Claimed[]> {
  const claimed: Claimed[] = []
  try {
    for (const protocol of protocols) {
      const scope = { ...options, protocol }
      const { allocation, created } = await ports.claim(projectName, serviceName, portNumber, scope)
      claimed.push({ ...allocation, created })
    }
    return claimed
  } catch (error) {
    for (const { id, hostname, instance } of claimed.filter(({ created }) => created)) {
      const holding = { instance: options.instance ?? instance, allocationId: id }
      await ports.release(projectName, serviceName, hostname, holding)
    }
    throw error
  }
}

/**
 * The refusal of a fixed port, with the directory that has it and what can be changed in
 * `ports.json`.
 */
export async function fixedPortRefused(
  ports: PortManager,
  { projectName, serviceName }: Pick<Fixed, 'projectName' | 'serviceName'>,
  { code, message, details, cause }: PortsError,
  options: WriteOptions,
): Promise<PortsError> {
  const holder = details as Partial<Service>
  const isOwn =
    code === 'PORT_TAKEN' &&
    holder.projectName === projectName &&
    holder.serviceName === serviceName
  const directory = isOwn
    ? await directoryOf(ports, projectName, holder.instance, options)
    : undefined
  const where = directory === undefined ? '' : ` The holder is the checkout in ${directory}.`
  return new PortsError(
    code,
    `${message}${where} ${PROJECT_FILE} fixes the port of ${serviceName}` +
      `${isOwn ? ', so only one checkout on a host can have it' : ''}. If it may have another one, ` +
      'write preferredPort instead of port there.',
    { ...details, ...(directory !== undefined && { directory }) },
    { cause },
  )
}

async function directoryOf(
  ports: PortManager,
  projectName: string,
  instance: string | undefined,
  options: WriteOptions,
): Promise<string | undefined> {
  const { hostname } = ports.scope()
  const checkouts = await ports.listCheckouts({ ...options, projectName, hostname })
  return checkouts.find((checkout) => checkout.instance === instance)?.directory
}
