import type { Check } from './Check.js'

/** Registries of other users of this machine. */
export const registriesCheck: Check = {
  name: 'registries',
  async run({ context }) {
    const others = await context.machine.otherRegistries()
    if (others.length === 0) {
      const message = 'No other registry on this machine can be seen from here.'
      return [{ state: 'ok', message }]
    }
    return others.map(({ directory, user }) => ({
      state: 'warning',
      message:
        `There is another registry in ${directory}, of ${user}. It may give the same numbers to ` +
        'other services.',
      fix:
        'Use one database for all (docs/sharing.md), as each user: ports config set databaseUrl ' +
        '<url>',
    }))
  },
}
