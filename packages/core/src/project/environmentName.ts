/**
 * The name of a service as part of an environment variable's name, such as `WEB_API` for `web-api`.
 * POSIX allows letters, digits and underscores there, but no digit at the beginning.
 */
export function environmentName(serviceName: string): string {
  return serviceName
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, '_')
    .replace(/^(?=\d)/, '_')
}
