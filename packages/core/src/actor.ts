import { hostname, userInfo } from 'node:os'
import { MAX_LENGTH, validText } from './validate.js'

/** @throws {PortsError} `INVALID_ARGUMENT` */
export function validActor(field: string, value: unknown): string {
  return validText(field, value, MAX_LENGTH.actor)
}

/**
 * Returns the actor that the environment's `PORTS_ACTOR` names, if it is set.
 * @throws {PortsError} `INVALID_ARGUMENT`
 */
export function configuredActor(): string | undefined {
  const actor = process.env.PORTS_ACTOR
  return actor ? validActor('PORTS_ACTOR', actor) : undefined
}

/** Returns the user of this process as `user@host`. */
export function actorHere(): string {
  return `${userHere()}@${hostname()}`.slice(0, MAX_LENGTH.actor)
}

function userHere(): string {
  try {
    return userInfo().username
  } catch {
    // A uid without an entry in the user database, as in many containers.
    return `uid ${process.getuid?.()}`
  }
}
