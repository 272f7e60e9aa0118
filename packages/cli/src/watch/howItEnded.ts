import {
  type AuditConflict,
  type AuditResult,
  nameOfService,
  type PortAllocation,
} from '@ports/core'

/**
 * Why an audit no longer shows a conflict.
 * @param held what is held on the host since that audit
 */
export function howItEnded(
  conflict: AuditConflict,
  { conflicts, unverifiedPorts }: AuditResult,
  held: readonly PortAllocation[],
): string {
  const { kind, port, protocol, expected } = conflict
  if (kind !== 'not-running' && kind !== 'idle') return `no longer ${kind.replaceAll('-', ' ')}`
  const isSame = (each: Pick<AuditConflict, 'port' | 'protocol' | 'expected'>) =>
    each.port === port && each.protocol === protocol && each.expected === expected
  const isHeld = held.some((each) =>
    isSame({ port: each.portNumber, protocol: each.protocol, expected: nameOfService(each) }),
  )
  if (!isHeld) return 'it was released'
  if (unverifiedPorts.some(isSame)) return 'whether something listens can no longer be told'
  const now = conflicts.find((each) => ['not-running', 'idle'].includes(each.kind) && isSame(each))
  return now ? `still ${now.actual}` : 'something listens again'
}
