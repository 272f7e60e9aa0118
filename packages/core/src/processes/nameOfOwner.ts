import { nameOfInstance } from '../instance.js'
import { nameOfService } from '../PortAllocation.js'
import type { Owner } from './Recorded.js'

/**
 * `shop/web`, or of a copy of a project whose service is not known `shop`, or `shop (login)`.
 * @param held names the primary instance as well, if it is of the same project
 */
export function nameOfOwner(owner: Owner, held?: Pick<Owner, 'projectName'>): string {
  const { projectName, serviceName, instance } = owner
  if (serviceName !== undefined) return nameOfService({ ...owner, serviceName })
  if (instance !== '') return `${projectName} (${instance})`
  // The primary instance has its name in parentheses.
  return projectName === held?.projectName ? `${projectName} ${nameOfInstance('')}` : projectName
}
