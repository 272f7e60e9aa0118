import { nameOfInstance } from '../instance.js'
import { nameOfService } from '../PortAllocation.js'
import type { Owner } from './Recorded.js'

/** `shop/web`, or of a copy of a project whose service is not known `shop`, or `shop (login)`. */
export function nameOfOwner(owner: Owner): string {
  const { projectName, serviceName, instance } = owner
  if (serviceName !== undefined) return nameOfService({ ...owner, serviceName })
  return instance === '' ? projectName : `${projectName} (${nameOfInstance(instance)})`
}
