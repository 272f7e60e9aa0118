import { nameOfInstance } from '../instance.js'
import { nameOfService } from '../PortAllocation.js'
import type { Owner } from './Recorded.js'

/**
 * The name of an owner: `shop/web` if the service is known, otherwise `shop` or `shop (login)`.
 * @param held if it is of the same project, the primary instance is named as well
 */
export function nameOfOwner(owner: Owner, held?: Pick<Owner, 'projectName'>): string {
  const { projectName, serviceName, instance } = owner
  if (serviceName !== undefined) return nameOfService({ ...owner, serviceName })
  if (instance !== '') return `${projectName} (${instance})`
  return projectName === held?.projectName ? `${projectName} ${nameOfInstance('')}` : projectName
}
