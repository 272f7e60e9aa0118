import { Command } from '@commander-js/extra-typings'
import type { Context } from '../Context.js'
import { dbGrantCommand } from './db/grant.js'
import { dbMigrateCommand } from './db/migrate.js'
import { dbSeedCommand } from './db/seed.js'
import { dbStartCommand } from './db/start.js'
import { dbStatusCommand } from './db/status.js'
import { dbStopCommand } from './db/stop.js'

export function dbCommand(context: Context) {
  return new Command('db')
    .description('Manage the database')
    .addCommand(dbStatusCommand(context))
    .addCommand(dbStartCommand(context))
    .addCommand(dbStopCommand(context))
    .addCommand(dbMigrateCommand(context))
    .addCommand(dbSeedCommand(context))
    .addCommand(dbGrantCommand(context))
}
