import { PortsError } from '@ports/core'

/** Fields of the library that have another name where they are typed. */
const TYPED: Readonly<Record<string, string>> = {
  portNumber: 'port',
  preferredPort: 'prefer',
  serviceType: 'type',
  ttlSeconds: 'ttl',
  restSeconds: 'time',
  allocationId: 'id',
}

/** An error about a field, with the name of the option or argument that was typed. */
export function asTyped(error: PortsError): PortsError {
  const { field } = error.details
  const typed = typeof field === 'string' && Object.hasOwn(TYPED, field) ? TYPED[field] : undefined
  return typed === undefined ? error : renamed(error, typed)
}

/**
 * An error about an entry of a batch, `items[1].count`, with the name of what was typed: every entry
 * has the count of the option `--count`. Other errors stay as they are.
 */
export function ofEveryEntry(error: unknown): unknown {
  if (!(error instanceof PortsError)) return error
  const field = String(error.details.field)
  const [path] = /^items\[\d+\]\./.exec(field) ?? []
  return path === undefined ? error : renamed(error, field.slice(path.length))
}

/** Messages begin with the field if they say what it must be. */
function renamed(error: PortsError, field: string): PortsError {
  const { code, message, details } = error
  const before = String(details.field)
  const begins = message.startsWith(`${before} `)
  return new PortsError(
    code,
    begins ? `${field}${message.slice(before.length)}` : message,
    { ...details, field },
    { cause: error },
  )
}
