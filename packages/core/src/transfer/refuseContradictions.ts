import { invalidArgument } from '../errors.js'
import { validLimits } from '../limit/requests.js'
import type { ServiceKey } from '../PortAllocation.js'
import type { RegistryContent } from './RegistryDocument.js'

/**
 * Refuses entries that contradict each other, before the database refuses one of them with its own
 * message.
 * @throws {PortsError} `INVALID_ARGUMENT` naming the entry and the field
 */
export function refuseContradictions(content: RegistryContent): void {
  const { projects, ranges, checkouts, reservations, limits, allocations, resting, events } =
    content
  refuseRepeated('projects', projects, 'projectName', ({ projectName }) => projectName)
  for (const field of ['directory', 'instance'] as const) {
    refuseRepeated('checkouts', checkouts, field, (checkout) =>
      [checkout.projectName, checkout.hostname, checkout[field]].join('/'),
    )
  }
  refuseRepeated('reservations', reservations, 'startPort', (reserved) =>
    [reserved.startPort, reserved.endPort, reserved.hostname, reserved.protocol].join('/'),
  )
  refuseRepeated('limits', limits, 'projectName', ({ projectName, actor }) =>
    projectName === undefined ? `actor ${actor}` : `project ${projectName}`,
  )
  for (const [index, { projectName, actor, ...values }] of limits.entries()) {
    if ((projectName === undefined) === (actor === undefined)) {
      throw invalidArgument(`limits[${index}].actor`, actor, 'given unless projectName is')
    }
    validLimits(values, `limits[${index}].`)
  }
  refuseRepeated('allocations', allocations, 'id', ({ id }) => id)
  const numberOf = (held: ServiceKey & { portNumber: number }) =>
    [held.hostname, held.protocol, held.portNumber].join('/')
  refuseRepeated('allocations', allocations, 'portNumber', numberOf)
  refuseRepeated('resting', resting, 'portNumber', numberOf)
  refuseRepeated('allocations', allocations, 'ordinal', (held) => {
    const { projectName, serviceName, instance, hostname, protocol, ordinal } = held
    return [projectName, serviceName, instance, hostname, protocol, ordinal].join('/')
  })
  refuseRepeated('events', events, 'id', ({ id }) => id)

  const known = new Set(projects.map(({ projectName }) => projectName))
  for (const [index, { projectName, startPort, endPort }] of ranges.entries()) {
    const path = `ranges[${index}]`
    if (!known.has(projectName)) throw unlisted(`${path}.projectName`, projectName)
    refuseReversed(path, startPort, endPort)
  }
  for (const [index, { startPort, endPort }] of reservations.entries()) {
    refuseReversed(`reservations[${index}]`, startPort, endPort)
  }
  for (const [index, { projectName }] of checkouts.entries()) {
    if (!known.has(projectName)) throw unlisted(`checkouts[${index}].projectName`, projectName)
  }
  const held = new Set(allocations.map(numberOf))
  for (const [index, rest] of resting.entries()) {
    if (held.has(numberOf(rest))) {
      throw invalidArgument(`resting[${index}].portNumber`, rest.portNumber, 'not held')
    }
  }
  const numbers = [
    ...allocations.map((entry, index) => ({ ...entry, path: `allocations[${index}]` })),
    ...resting.map((entry, index) => ({ ...entry, path: `resting[${index}]` })),
  ]
  for (const { projectName, hostname, portNumber, path } of numbers) {
    if (!known.has(projectName)) throw unlisted(`${path}.projectName`, projectName)
    const isOwned = ranges.some(
      (range) =>
        range.projectName === projectName &&
        (range.hostname ?? hostname) === hostname &&
        range.startPort <= portNumber &&
        portNumber <= range.endPort,
    )
    if (!isOwned) {
      const expected = `in a range of ${projectName} on ${hostname}`
      throw invalidArgument(`${path}.portNumber`, portNumber, expected)
    }
  }
}

function refuseReversed(path: string, startPort: number, endPort: number): void {
  if (endPort < startPort) {
    throw invalidArgument(`${path}.endPort`, endPort, `at least the startPort, ${startPort}`)
  }
}

function unlisted(field: string, projectName: string) {
  return invalidArgument(field, projectName, 'one of the projects of the document')
}

function refuseRepeated<Entry extends object>(
  list: string,
  entries: readonly Entry[],
  field: keyof Entry & string,
  keyOf: (entry: Entry) => string | number,
): void {
  const seen = new Map<string | number, number>()
  for (const [index, entry] of entries.entries()) {
    const key = keyOf(entry)
    const first = seen.get(key)
    if (first !== undefined) {
      const expected = `different from that of ${list}[${first}]`
      throw invalidArgument(`${list}[${index}].${field}`, entry[field], expected)
    }
    seen.set(key, index)
  }
}
