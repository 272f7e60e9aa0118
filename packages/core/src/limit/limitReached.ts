import { counted } from '../counted.js'
import { PortsError } from '../errors.js'
import { toSeconds } from '../toSeconds.js'

/** A limit that a call would exceed. Either a project or an actor has it. */
export interface Reached {
  readonly projectName: string | null
  readonly actor: string | null
  /** True if the caller set the limit for its own calls, false if the registry has it. */
  readonly isOwn: boolean
  readonly maxPorts: number | null
  readonly perMinute: number | null
  /** How many ports the subject holds. Null if that is not limited. */
  readonly held: number | null
  /** How many ports the subject got in the last minute. */
  readonly used: number
  /** How many ports were asked for. */
  readonly asked: number
  /** ISO 8601: when the call would be allowed. Null if waiting does not help. */
  readonly retryAt: string | null
}

export function limitReached(reached: Reached, cause?: unknown): PortsError {
  const { maxPorts, perMinute, held, used, asked, retryAt } = reached
  const more = counted(asked, 'more port')
  const isFull = maxPorts !== null && held !== null && held + asked > maxPorts
  const limit = isFull ? 'maxPorts' : 'perMinute'
  const message = isFull
    ? `${subjectOf(reached)} may hold ${counted(maxPorts, 'port')} and ${holds(reached)} ${held}, so ` +
      `${more} cannot be allocated. Release what is no longer needed, or raise the limit.`
    : `${subjectOf(reached)} may get ${counted(perMinute ?? 0, 'new port')} a minute. ${used} ` +
      `${used === 1 ? 'was' : 'were'} allocated in the last minute, so ${more} cannot be allocated. ` +
      (retryAt === null
        ? 'Ask for fewer, or raise the limit.'
        : `Try again at ${toSeconds(retryAt)}.`)
  return new PortsError('LIMIT_REACHED', message, { limit, ...reached }, { cause })
}

function subjectOf({ projectName, actor }: Reached): string {
  if (projectName !== null) return projectName
  return String(actor).includes('*') ? `The actors ${actor}` : `The actor ${actor}`
}

function holds({ projectName, actor }: Reached): string {
  return projectName === null && String(actor).includes('*') ? 'hold' : 'holds'
}
