import { Argument, Command } from '@commander-js/extra-typings'
import { ACCESS_LEVELS, type AccessLevel } from '@ports/core'
import type { Context } from '../../Context.js'

export function dbGrantCommand({ database, output }: Context) {
  return new Command('grant')
    .description('Let a role of your own database use the registry')
    .addArgument(new Argument('<role>', 'a role that exists'))
    .addArgument(
      new Argument(
        '<level>',
        'read: list; use: also allocate and release; admin: also ranges, reservations, import, dump and load',
      ).choices(ACCESS_LEVELS),
    )
    .addHelpText('after', MORE_HELP)
    .action(async (role, level) => {
      await database.grant(role, level)
      output.outcome({ role, level }, `${role} may ${PHRASES[level]}.`)
    })
}

const PHRASES: Readonly<Record<AccessLevel, string>> = {
  read: 'read the registry',
  use: 'use the registry',
  admin: 'use the registry, change its ranges and reservations, import, dump and load',
}

const MORE_HELP = `
The role gets exactly these rights, and loses others that it had in the registry. It can write no
table. It calls functions that do. Run this as the role that ran ports db migrate.

Example:
  PORTS_DATABASE_URL=postgres://owner@db.example.org/ports ports db grant app use`
