import { isAbsent } from '../absent.js'
import { validActor } from '../actor.js'
import type { Limits } from '../CallOptions.js'
import { cannotCombine, invalidArgument } from '../errors.js'
import type { LimitSubject } from '../LimitStore.js'
import { validName } from '../name.js'
import { validObject } from '../validate.js'

/** The highest values of limits. */
export const HIGHEST_LIMITS = { maxPorts: 65_535, perMinute: 10_000 } as const

/** @throws {PortsError} `INVALID_ARGUMENT` */
export function validSubject(subject: LimitSubject): LimitSubject {
  const { projectName, actor } = validObject('subject', subject, 'a project or an actor')
  if (!isAbsent(projectName) && !isAbsent(actor)) {
    throw cannotCombine('actor', actor, 'a project')
  }
  if (isAbsent(projectName) && isAbsent(actor)) {
    throw invalidArgument('subject', subject, 'a project or an actor')
  }
  return isAbsent(actor)
    ? { projectName: validName('projectName', projectName) }
    : { actor: validActor('actor', actor) }
}

/**
 * @param prefix of the names in errors
 * @throws {PortsError} `INVALID_ARGUMENT`
 */
export function validLimits(limits: Limits, prefix = ''): Limits {
  validObject(prefix || 'limits', limits, 'an object with maxPorts or perMinute')
  const valid = Object.fromEntries(
    (['maxPorts', 'perMinute'] as const).flatMap((field) => {
      const value = limits[field]
      if (isAbsent(value)) return []
      if (Number.isInteger(value) && Number(value) >= 0 && Number(value) <= HIGHEST_LIMITS[field]) {
        return [[field, value]]
      }
      throw invalidArgument(
        prefix + field,
        value,
        `a whole number from 0 to ${HIGHEST_LIMITS[field]}`,
      )
    }),
  )
  if (Object.keys(valid).length > 0) return valid
  throw invalidArgument(`${prefix}maxPorts`, undefined, 'given unless perMinute is')
}
