import type { CommandUnknownOpts } from '@commander-js/extra-typings'
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

/** Fields whose option is named like neither the field nor what is typed for it elsewhere. */
const OPTIONS: Readonly<Record<string, string>> = {
  projectName: 'project',
  serviceName: 'service',
  startPort: 'start',
  endPort: 'end',
  size: 'createRange',
}

/**
 * An error about a field, with the name of the option or argument that was typed, and a message that
 * spells it as the command line does: `--idle-days`.
 */
export function asTyped(error: PortsError, command: CommandUnknownOpts): PortsError {
  const { field } = error.details
  if (typeof field !== 'string') return error
  const name = named(field, TYPED)
  return renamed(error, name, spelled(name, command))
}

function named(field: string, names: Readonly<Record<string, string>>): string {
  return (Object.hasOwn(names, field) ? names[field] : undefined) ?? field
}

/** The option with its dashes, or the argument. Other fields stay as they are. */
function spelled(field: string, { options, registeredArguments }: CommandUnknownOpts): string {
  const names = [field, named(field, OPTIONS)]
  const option = options.find((each) => names.includes(each.attributeName()))
  if (option?.long) return option.long
  return registeredArguments.find((each) => names.includes(each.name()))?.name() ?? field
}

/**
 * An error about an entry of a batch, `items[1].count`, with the name of what was typed: every entry
 * has the count of the option `--count`. Other errors stay as they are.
 */
export function ofEveryEntry(error: unknown): unknown {
  if (!(error instanceof PortsError)) return error
  const field = String(error.details.field)
  const [path] = /^items\[\d+\]\./.exec(field) ?? []
  const name = field.slice(path?.length)
  return path === undefined ? error : renamed(error, name, name)
}

/** Messages begin with the field if they say what it must be. What is not typed has no value. */
function renamed(error: PortsError, field: string, typed: string): PortsError {
  const { code, message, details } = error
  const before = String(details.field)
  const begins = message.startsWith(`${before} `)
  const rest = message.slice(before.length).replace(/^ is undefined, but must be /, ' must be ')
  return new PortsError(
    code,
    begins ? `${typed}${rest}` : message,
    { ...details, field },
    { cause: error },
  )
}
