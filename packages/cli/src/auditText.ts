import {
  type AuditConflict,
  type AuditResult,
  type AuditUnverified,
  CONFLICT_KINDS,
} from '@ports/core'
import { inDirectory, nameOfProcess } from './nameOfProcess.js'

export type Noted = AuditConflict | AuditUnverified

/** The state of a port that an audit has noted, in words. */
export function stateOf(noted: Noted): string {
  if ('reason' in noted) return `unverified: ${noted.reason.replaceAll('-', ' ')}`
  const { actual, uid } = noted
  return uid === undefined ? actual : `${actual} (uid ${uid})`
}

/** What listens on it. Undefined if nothing does, or the process cannot be seen. */
export function processOf(noted: Noted): string | undefined {
  if (!('process' in noted) || !noted.process) return undefined
  const { process } = noted
  return [
    nameOfProcess(process),
    process.addresses && `on ${process.addresses.join(', ')}`,
    process.container && `of the container ${process.container}`,
    inDirectory(process),
  ]
    .filter(Boolean)
    .join(', ')
}

/** The command that records a listener on a number that nobody holds, unless it is another user's. */
export function claimOf(noted: Noted): string | undefined {
  if ('reason' in noted || noted.projectName === undefined || noted.uid !== undefined) {
    return undefined
  }
  return `ports claim ${noted.projectName} <service> ${noted.port}`
}

/** All of that in one line. */
export function actualOf(noted: Noted): string {
  const claim = claimOf(noted)
  return [stateOf(noted), processOf(noted), claim && `to record it: ${claim}`]
    .filter(Boolean)
    .join(', ')
}

export function counts({
  allocated,
  inUse,
  notRunning,
  unverified,
  conflicts,
}: AuditResult): string {
  const kinds = CONFLICT_KINDS.filter((kind) => kind !== 'not-running').flatMap((kind) => {
    const count = conflicts.filter((each) => each.kind === kind).length
    return count === 0 ? [] : `${count} ${kind.replaceAll('-', ' ')}`
  })
  const more = kinds.length === 0 ? '' : ` (${kinds.join(', ')})`
  return (
    `${allocated} allocated: ${inUse} in use, ${notRunning} not running, ` +
    `${unverified} unverified${more}`
  )
}
