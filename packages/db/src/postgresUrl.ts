import { invalidArgument } from '@ports/core'

/**
 * The URL of a PostgreSQL server, without blanks around it.
 * @throws {PortsError} `INVALID_ARGUMENT`, without the value, which may hold a password
 */
export function validPostgresUrl(field: string, value: unknown): string {
  // The driver would take a URL with a blank before it for a relative one.
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
    // A percent sign that escapes nothing passes as a URL, and fails when it is taken apart.
    decodeURIComponent(url)
    const { protocol, pathname, search, searchParams, hash } = new URL(url)
    // The driver takes it from there as well, and fails at a wrong one without an answer.
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
  // Its : was escaped with the password's.
  if (shown.username.includes('%3A')) shown.username = '***'
  shown.search = ''
  shown.hash = ''
  return shown.href
}
