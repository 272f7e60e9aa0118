import { validDirectory } from '../checkout/checkoutRequest.js'
import { invalidArgument } from '../errors.js'
import { validPublicHostname } from '../hostname.js'
import { validRest } from '../lease/requests.js'
import { validLimits } from '../limit/requests.js'
import { LocalHost } from '../localHost.js'
import { validName } from '../name.js'
import { EVENT_KINDS } from '../PortEvent.js'
import {
  MAX_LENGTH,
  validCount,
  validObject,
  validPort,
  validProtocol,
  validText,
} from '../validate.js'
import {
  DOCUMENT_VERSION,
  type RegistryContent,
  type RegistryDocument,
} from './RegistryDocument.js'
import { refuseContradictions } from './refuseContradictions.js'

type Check = (field: string, value: unknown) => unknown

const name: Check = validName
const instance: Check = (field, value) => value === '' || validName(field, value)
const hostname: Check = (field, value) => {
  const stored = new LocalHost().resolve(field, value)
  if (stored !== value) throw invalidArgument(field, value, 'the host as it is stored', stored)
}
const actor: Check = (field, value) => validText(field, value, MAX_LENGTH.actor)
const description: Check = (field, value) => validText(field, value, MAX_LENGTH.description)

/** The highest id of a document. Ids that are given after it are still exact in JSON. */
const HIGHEST_ID = 2 ** 48

/** The largest number of PostgreSQL's type `integer`, in which ordinals are stored. */
const HIGHEST_ORDINAL = 2 ** 31 - 1

const ordinal: Check = (field, value) => {
  if (!Number.isInteger(value) || Math.abs(Number(value)) > HIGHEST_ORDINAL) {
    throw invalidArgument(
      field,
      value,
      `a whole number from -${HIGHEST_ORDINAL} to ${HIGHEST_ORDINAL}`,
    )
  }
}
const id: Check = (field, value) => validCount(field, value, HIGHEST_ID)
const kind: Check = (field, value) => {
  if (!EVENT_KINDS.some((known) => known === value)) {
    throw invalidArgument(field, value, `one of ${EVENT_KINDS.join(', ')}`)
  }
}

const TIME = /^(?<date>(?!0000)\d{4}-\d\d-\d\d)T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

const time: Check = (field, value) => {
  const date = TIME.exec(String(value))?.groups?.date
  const instant = Date.parse(String(value))
  // Date.parse reads the 30th of February as the 2nd of March.
  const midnight = Date.parse(`${date}T00:00:00Z`)
  const isDay = !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(`${date}T`)
  if (!isDay || Number.isNaN(instant)) throw invalidArgument(field, value, 'a time in ISO 8601')
}
const object: Check = (field, value) => validObject(field, value as object, 'an object')
const word: Check = (field, value) => validText(field, value, 63)

const optional =
  (check: Check): Check =>
  (field, value) =>
    value === undefined || check(field, value)

const metadata = {
  serviceType: optional((field, value) => validText(field, value, MAX_LENGTH.serviceType)),
  description: optional(description),
  cloudflareHostname: optional(validPublicHostname),
}

/** The check of each field of each list. Other fields are refused. */
const FIELDS = {
  projects: {
    projectName: name,
    settings: object,
    createdAt: time,
    restSeconds: optional((_, value) => validRest(value)),
  },
  ranges: {
    projectName: name,
    startPort: validPort,
    endPort: validPort,
    hostname: optional(hostname),
    description: optional(description),
    createdAt: time,
  },
  checkouts: {
    projectName: name,
    hostname,
    directory: validDirectory,
    instance,
    createdAt: time,
    identity: optional((field, value) => validText(field, value, MAX_LENGTH.identity)),
    allocationIds: optional((field, value) => {
      if (!Array.isArray(value)) throw invalidArgument(field, value, 'a list')
      for (const [index, each] of value.entries()) id(`${field}[${index}]`, each)
    }),
  },
  reservations: {
    startPort: validPort,
    endPort: validPort,
    hostname: optional(hostname),
    protocol: optional(validProtocol),
    reason: description,
    reservedBy: optional(actor),
    createdAt: time,
    endsAt: optional(time),
  },
  limits: {
    projectName: optional(name),
    actor: optional(actor),
    maxPorts: optional((_, value) => validLimits({ maxPorts: value as number })),
    perMinute: optional((_, value) => validLimits({ perMinute: value as number })),
    setBy: optional(actor),
  },
  allocations: {
    id,
    projectName: name,
    serviceName: name,
    instance,
    hostname,
    protocol: validProtocol,
    portNumber: validPort,
    status: (field, value) => {
      if (value !== 'allocated' && value !== 'in_use') {
        throw invalidArgument(field, value, 'allocated or in_use')
      }
    },
    ordinal,
    ...metadata,
    idempotencyKey: optional((field, value) => validText(field, value, MAX_LENGTH.idempotencyKey)),
    allocatedAt: time,
    lastUsedAt: optional(time),
    heldBy: optional(actor),
    leaseEndsAt: optional(time),
  },
  resting: {
    projectName: name,
    serviceName: name,
    instance,
    hostname,
    protocol: validProtocol,
    portNumber: validPort,
    restsUntil: time,
  },
  events: {
    id,
    occurredAt: time,
    actor: optional(actor),
    roleName: word,
    call: word,
    what: kind,
    projectName: optional(name),
    serviceName: optional(name),
    instance: optional(instance),
    hostname: optional(hostname),
    protocol: optional(validProtocol),
    portNumber: optional(validPort),
    allocationId: optional(id),
    before: optional(object),
    after: optional(object),
  },
} as const satisfies { [List in keyof RegistryContent]: Record<string, Check> }

/** The lists that the first documents did not have. */
const LATER_LISTS = { checkouts: [], reservations: [], limits: [], resting: [] }

/**
 * The document, with every list.
 * @throws {PortsError} `INVALID_ARGUMENT` naming the entry and the field
 */
export function validDocument(given: RegistryDocument): RegistryDocument {
  const document = {
    ...LATER_LISTS,
    ...validObject('document', given, 'a document that a dump wrote'),
  }
  const { format, version, takenAt, ...lists } = document
  if (format !== 'ports-registry') {
    throw invalidArgument('document.format', format, '"ports-registry", as a dump writes it')
  }
  if (version !== DOCUMENT_VERSION) {
    throw invalidArgument(
      'document.version',
      version,
      `${DOCUMENT_VERSION}. To load a later version, update this program`,
    )
  }
  time('document.takenAt', takenAt)
  for (const [list, fields] of Object.entries(FIELDS)) {
    checkList(list, document[list as keyof RegistryContent], fields)
  }
  const unknown = Object.keys(lists).find((list) => !Object.hasOwn(FIELDS, list))
  if (unknown !== undefined) {
    throw invalidArgument(
      unknown,
      Reflect.get(document, unknown),
      'left out: there is no such list',
    )
  }
  refuseContradictions(document)
  return document
}

function checkList(list: string, entries: unknown, fields: Readonly<Record<string, Check>>): void {
  if (!Array.isArray(entries)) throw invalidArgument(list, entries, 'a list')
  entries.forEach((entry: unknown, index) => {
    const path = `${list}[${index}]`
    const given = validObject(path, entry as Record<string, unknown>, 'an object')
    const unknown = Object.keys(given).find((field) => !Object.hasOwn(fields, field))
    if (unknown !== undefined) {
      throw invalidArgument(
        `${path}.${unknown}`,
        given[unknown],
        'left out: there is no such field',
      )
    }
    for (const [field, check] of Object.entries(fields)) check(`${path}.${field}`, given[field])
  })
}
