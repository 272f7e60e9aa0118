import { Command } from '@commander-js/extra-typings'
import type { Context } from '../Context.js'
import { configGetCommand } from './config/get.js'
import { configListCommand } from './config/list.js'
import { configSetCommand } from './config/set.js'

export function configCommand(context: Context) {
  return new Command('config')
    .description('Show and change the settings of this machine')
    .addCommand(configGetCommand(context))
    .addCommand(configSetCommand(context))
    .addCommand(configListCommand(context))
}
