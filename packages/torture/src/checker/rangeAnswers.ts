// Checks the replies about temporary ranges: RANGE_IN_USE, RANGE_OVERLAP and PORT_OUT_OF_RANGE. No
// number of a removed range is held.
import type { Report } from './check.js'
import type { Service } from './claims.js'
import type { Call } from './histories.js'
import { type Holding, shown } from './holdings.js'
import type { Ledger } from './Ledger.js'

export function checkRanges(ledger: Ledger, holdings: Map<string, Holding[]>, report: Report) {
  for (const { contradictions } of ledger.ranges.temporary) {
    for (const { kind, call } of contradictions) report(kind, call)
  }
  for (const call of ledger.calls) {
    const { project = '', host = '', wanted: port = 0, at, end, error } = call
    const window = { from: at, until: end }
    if (error === 'RANGE_IN_USE' && !mayBeInUse(ledger, call)) report('false RANGE_IN_USE', call)
    if (error !== 'PORT_OUT_OF_RANGE') continue
    if (ledger.ranges.ownsThroughout({ project, host, port }, window)) {
      report('false PORT_OUT_OF_RANGE', call)
    }
  }
  for (const there of holdings.values()) {
    for (const holding of there) {
      const { service, port } = holding
      const { project, host } = service
      if (!ledger.ranges.mayOwnThroughout({ project, host, port }, holding)) {
        report('outside its range', shown(holding))
      }
    }
  }
}

/** Whether a number of the range may have been held at some moment of the call. */
function mayBeInUse(
  { services, unknownOutcomes }: Ledger,
  { project, startPort = 0, endPort = 0, boundTo, at, end }: Call,
) {
  const isOfRange = (service: Service) =>
    service.project === project && (boundTo === undefined || service.host === boundTo)
  return (
    unknownOutcomes.some(
      ({ service, from, until }) => isOfRange(service) && from <= end && until >= at,
    ) ||
    [...services.values()].some(
      (service) =>
        isOfRange(service) &&
        service.claims.some(
          ({ port, possiblyFrom, possiblyUntil }) =>
            port >= startPort && port <= endPort && possiblyFrom <= end && possiblyUntil >= at,
        ),
    )
  )
}
