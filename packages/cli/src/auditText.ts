import {
  type AuditConflict,
  type AuditResult,
  type AuditUnverified,
  CONFLICT_KINDS,
} from '@ports/core'
import { inDirectory, nameOfProcess } from './nameOfProcess.js'

export type Noted = AuditConflict | AuditUnverified

/** The state of a port that an audit has noted, in words. */
export function actualOf(noted: Noted): string {
  if ('reason' in noted) return `unverified: ${noted.reason.replaceAll('-', ' ')}`
  const { actual, uid, process, port, projectName } = noted
  return [
    uid === undefined ? actual : `${actual} (uid ${uid})`,
    process && nameOfProcess(process),
    process?.addresses && `on ${process.addresses.join(', ')}`,
    process?.container && `of the container ${process.container}`,
    process && inDirectory(process),
    projectName &&
      uid === undefined &&
      `to record it: ports claim ${projectName} <service> ${port}`,
  ]
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
