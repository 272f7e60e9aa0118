import type { Check } from './Check.js'

/** Finds the registries of other users of this machine. */
export const registriesCheck: Check = {
  name: 'registries',
  async run({ context }) {
    const others = await context.machine.otherRegistries()
    if (others.length === 0) {
      const message = 'No other registry is visible on this machine.'
      return [{ state: 'ok', message }]
    }
    return others.map(({ directory, user }) => ({
      state: 'warning',
      message:
        `${user} has another registry, in ${directory}. It may give the same numbers to ` +
        'other services.',
      fix:
        'Use one database for all (docs/sharing.md), as each user: ports config set databaseUrl ' +
        '<url>',
    }))
  },
}
