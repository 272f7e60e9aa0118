/**
 * The name of a service in the names of environment variables, such as `WEB_API` for `web-api`.
 * POSIX allows letters, digits and underscores there, and no digit at the beginning.
 */
export function environmentName(serviceName: string): string {
  return serviceName
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, '_')
    .replace(/^(?=\d)/, '_')
}
