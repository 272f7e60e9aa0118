import { cannotCombine, invalidArgument } from '../errors.js'
import { validPublicHostname } from '../hostname.js'
import { validName } from '../name.js'
import { PROTOCOLS, type Protocol } from '../PortAllocation.js'
import { readTextFile } from '../readTextFile.js'
import {
  MAX_LENGTH,
  validCount,
  validObject,
  validPort,
  validProtocol,
  validText,
} from '../validate.js'
import { environmentName } from './environmentName.js'

/** The name of the file at the root of a project. */
export const PROJECT_FILE = 'ports.json'

/**
 * A service as the file describes it. The number that it has now is not part of the description.
 */
export interface ProjectService {
  readonly command?: string
  readonly type?: string
  readonly description?: string
  /** Default: TCP. */
  readonly protocols?: readonly Protocol[]
  /** How many ports it needs; they are contiguous. Default: 1. */
  readonly count?: number
  /** The port that the service must have. */
  readonly port?: number
  /** The port that the service gets if it is available. */
  readonly preferredPort?: number
  readonly cloudflareHostname?: string
}

export interface ProjectFile {
  readonly project: string
  readonly services: Readonly<Record<string, ProjectService>>
}

const MAX_COUNT = 1000
const MAX_COMMAND = 1000

type Check = (field: string, value: unknown) => unknown

const SERVICE_FIELDS: Readonly<Record<keyof ProjectService, Check>> = {
  command: (field, value) => validText(field, value, MAX_COMMAND),
  type: (field, value) => validText(field, value, MAX_LENGTH.serviceType),
  description: (field, value) => validText(field, value, MAX_LENGTH.description),
  protocols: (field, value) => {
    if (!Array.isArray(value) || value.length === 0) {
      throw invalidArgument(field, value, `a list of ${PROTOCOLS.join(' or ')}`)
    }
    for (const [index, each] of value.entries()) validProtocol(`${field}[${index}]`, each)
  },
  count: (field, value) => validCount(field, value, MAX_COUNT),
  port: validPort,
  preferredPort: validPort,
  cloudflareHostname: validPublicHostname,
}

/**
 * Reads and checks a project file.
 * @throws {PortsError} `INVALID_ARGUMENT`, naming the file and the field
 */
export function readProjectFile(path: string): ProjectFile {
  return validProjectFile(path, parsed(path, readTextFile(path)))
}

function parsed(path: string, content: string): unknown {
  try {
    // Some editors write a byte order mark.
    return JSON.parse(content.replace(/^\uFEFF/, ''))
  } catch (error) {
    throw invalidArgument('file', path, `JSON (${messageOf(error)})`)
  }
}

/**
 * Checks the content of a project file.
 * @param path names it in errors
 * @throws {PortsError} `INVALID_ARGUMENT`, naming the field
 */
export function validProjectFile(path: string, value: unknown): ProjectFile {
  const at = (field: string) => `${path}: ${field}`
  const file = validObject(at('the file'), value as object, 'an object') as Record<string, unknown>
  refuseUnknown(at('field'), file, ['$schema', 'project', 'services'])
  const { services = {} } = file
  const listed = validObject(
    at('services'),
    services as object,
    'an object with a field for each service',
  )
  const variables = new Map<string, string>()
  for (const [name, service] of Object.entries(listed)) {
    validName(at('services'), name)
    validService(at(`services.${name}`), service)
    const variable = environmentName(name)
    const same = variables.get(variable)
    if (same !== undefined) {
      throw invalidArgument(
        at('services'),
        name,
        `a name other than ${same}, because both would set ${variable}_PORT`,
      )
    }
    variables.set(variable, name)
  }
  return {
    project: validName(at('project'), file.project),
    services: listed as Record<string, ProjectService>,
  }
}

function validService(at: string, value: unknown): void {
  const service = validObject(at, value as object, 'an object') as Record<string, unknown>
  refuseUnknown(`${at}: field`, service, Object.keys(SERVICE_FIELDS))
  for (const [field, check] of Object.entries(SERVICE_FIELDS)) {
    if (service[field] !== undefined) check(`${at}.${field}`, service[field])
  }
  if (service.port !== undefined && service.preferredPort !== undefined) {
    throw cannotCombine(`${at}.preferredPort`, service.preferredPort, 'port')
  }
  const isFixed = service.port !== undefined || service.preferredPort !== undefined
  if (isFixed && service.count !== undefined && service.count !== 1) {
    throw invalidArgument(
      `${at}.count`,
      service.count,
      '1 for a service with a port or preferredPort',
    )
  }
}

function refuseUnknown(at: string, object: object, known: readonly string[]): void {
  for (const field of Object.keys(object)) {
    if (!known.includes(field)) throw invalidArgument(at, field, `one of ${known.join(', ')}`)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
