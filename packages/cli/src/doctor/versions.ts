import satisfies from 'semver/functions/satisfies.js'
import packageJson from '../../package.json' with { type: 'json' }
import type { Check, Result } from './Check.js'

const OLDEST_POSTGRESQL = 14

/** Checks whether the versions of Node and PostgreSQL are supported. */
export const versionsCheck: Check = {
  name: 'versions',
  timeoutMs: 15_000,
  async run(subject) {
    const version = await subject.status().then(
      ({ serverVersion }) => serverVersion,
      () => undefined,
    )
    return [
      { state: 'ok', message: `ports ${packageJson.version}` },
      nodeResult(process.versions.node),
      ...(version === undefined ? [] : [postgresResult(version)]),
    ]
  },
}

function nodeResult(version: string): Result {
  const { node } = packageJson.engines
  const message = `Node ${version}`
  if (satisfies(version, node)) return { state: 'ok', message }
  return {
    state: 'problem',
    message: `${message}, but ports needs ${node}.`,
    fix: 'Install a supported version of Node.',
  }
}

/** @param version as the server reports it: `15.8 (Debian 15.8-0+deb12u1)` */
function postgresResult(version: string): Result {
  const message = `PostgreSQL ${version}`
  if (Number.parseInt(version, 10) >= OLDEST_POSTGRESQL) return { state: 'ok', message }
  return {
    state: 'problem',
    message: `${message}, but ports needs ${OLDEST_POSTGRESQL} or newer.`,
    fix: `Upgrade the server, or use another one: ports config set databaseUrl <url>`,
  }
}
