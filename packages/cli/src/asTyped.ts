import { PortsError } from '@ports/core'

/**
 * An error about an entry of a batch, `items[1].count`, with the name of what was typed: every entry
 * has the count of the option `--count`. Other errors stay as they are.
 */
export function asTyped(error: unknown): unknown {
  if (!(error instanceof PortsError)) return error
  const { code, message, details } = error
  const [path] = /^items\[\d+\]\./.exec(String(details.field)) ?? []
  if (path === undefined) return error
  const field = String(details.field).slice(path.length)
  return new PortsError(code, message.slice(path.length), { ...details, field }, { cause: error })
}
