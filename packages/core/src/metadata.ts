import { isAbsent } from './absent.js'
import { invalidArgument } from './errors.js'
import { validPublicHostname } from './hostname.js'
import { METADATA_FIELDS, type Metadata, type MetadataChange } from './PortAllocation.js'
import { MAX_LENGTH, validObject, validText } from './validate.js'

const METADATA = {
  serviceType: (name: string, value: unknown) => validText(name, value, MAX_LENGTH.serviceType),
  description: (name: string, value: unknown) => validText(name, value, MAX_LENGTH.description),
  cloudflareHostname: (name: string, value: unknown) => validPublicHostname(name, value),
} as const satisfies Record<keyof Metadata, unknown>

/** @param prefix of the names in errors */
export function validMetadata(metadata: Metadata, prefix = ''): Metadata {
  const fields = METADATA_FIELDS.filter((field) => !isAbsent(metadata[field]))
  return Object.fromEntries(
    fields.map((field) => [field, METADATA[field](prefix + field, metadata[field])]),
  )
}

export function validChange(change: MetadataChange): MetadataChange {
  const expected = `at least one of ${METADATA_FIELDS.join(', ')}`
  validObject('change', change, `an object with ${expected}`)
  // Here null does not mean absent: it clears the field.
  const fields = METADATA_FIELDS.filter(
    (field) => change[field] === null || !isAbsent(change[field]),
  )
  if (fields.length === 0) {
    throw invalidArgument('change', change, expected)
  }
  return Object.fromEntries(
    fields.map((field) => [
      field,
      change[field] === null ? null : METADATA[field](field, change[field]),
    ]),
  )
}
