import { validPostgresUrl } from './postgresUrl.js'
import { readSetting } from './settings/readSettings.js'

export interface DatabaseOptions {
  /**
   * The URL of an external PostgreSQL. Default: the setting `databaseUrl`, else the embedded
   * server.
   */
  readonly url?: string
  /**
   * Whether to make the embedded registry if there is none. If false, opening it is then refused
   * with `NO_REGISTRY`. Default: true.
   */
  readonly create?: boolean
  /** Receives messages for the user, such as where a new registry was made. */
  readonly notify?: (message: string) => void
}

/** The URL of the user's own server, or undefined for the embedded one. */
export function databaseUrl({ url }: DatabaseOptions): string | undefined {
  if (url === undefined) return readSetting('databaseUrl').value ?? undefined
  return url.trim() === '' ? undefined : validPostgresUrl('url', url)
}

/**
 * Whether the URL says that connections go through a PgBouncer in transaction mode. It may run each
 * statement on another connection, so no statement can be prepared. The parameter has the name that
 * Prisma uses.
 */
export function isBehindPgBouncer(url: string | undefined): boolean {
  return url !== undefined && new URL(url).searchParams.get('pgbouncer') === 'true'
}
