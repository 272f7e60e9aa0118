import { invalidArgument } from '@ports/core'

/**
 * The URL of a PostgreSQL server, without blanks around it.
 * @throws {PortsError} `INVALID_ARGUMENT`, without the value, which may hold a password
 */
export function validPostgresUrl(field: string, value: unknown): string {
  // The driver would read a URL that begins with a blank as a relative one.
  const url = typeof value === 'string' ? value.trim() : ''
  if (isPostgresUrl(url)) return url
  throw invalidArgument(
    field,
    '…',
    'a URL like postgresql://user:password@host:5432/database, with / ? # @ : and % in ' +
      'the password written as %2F %3F %23 %40 %3A and %25',
  )
}

function isPostgresUrl(url: string): boolean {
  try {
    // A URL may contain a percent sign that escapes nothing, but decoding its parts then fails.
    decodeURIComponent(url)
    const { protocol, pathname, search, searchParams, hash } = new URL(url)
    // The driver also reads the port from this parameter, and fails at a wrong one without an
    // answer.
    const port = Number(searchParams.get('port') ?? 5432)
    if (!Number.isInteger(port) || port < 1 || port > 65535) return false
    // An unescaped / ? or # in the password ends the host name there. The rest of the password,
    // followed by the @, then stands where the database's name or a parameter is expected.
    return (
      /^postgres(ql)?:$/.test(protocol) &&
      !/@/.test(pathname + search + hash) &&
      !pathname.includes(':')
    )
  } catch {
    return false
  }
}

/**
 * The URL as it may be shown: without parameters, which can hold secrets, and with the password
 * masked.
 */
export function shownUrl(url: string): string {
  const shown = new URL(url)
  if (shown.password) shown.password = '***'
  // If the user name contains an escaped colon, the password may be a part of it.
  if (shown.username.includes('%3A')) shown.username = '***'
  shown.search = ''
  shown.hash = ''
  return shown.href
}
