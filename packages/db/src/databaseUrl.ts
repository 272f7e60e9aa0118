import { invalidArgument } from '@ports/core'

export interface DatabaseOptions {
  /** A PostgreSQL of one's own. Default: `PORTS_DATABASE_URL`, else the embedded server. */
  readonly url?: string
  /** Told what a user should know, such as where a new registry was made. */
  readonly notify?: (message: string) => void
}

/** The URL of the user's own server, or undefined for the embedded one. */
export function databaseUrl(options: DatabaseOptions): string | undefined {
  // The driver would take a URL with a blank before it for a relative one.
  const url = (options.url ?? process.env.PORTS_DATABASE_URL)?.trim()
  if (!url) return undefined
  const field = options.url === undefined ? 'PORTS_DATABASE_URL' : 'url'
  if (!isPostgresUrl(url)) {
    // Not the value itself: it may hold a password.
    throw invalidArgument(
      field,
      '…',
      'a URL like postgresql://user:password@host:5432/database, with / ? # @ : and % in ' +
        'the password written as %2F %3F %23 %40 %3A and %25',
    )
  }
  return url
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
 * Whether the URL says that a PgBouncer in transaction mode is in between, which may run each
 * statement on another connection: then nothing can be prepared. Named as Prisma's users know it.
 */
export function isBehindPgBouncer(url: string | undefined): boolean {
  return url !== undefined && new URL(url).searchParams.get('pgbouncer') === 'true'
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
