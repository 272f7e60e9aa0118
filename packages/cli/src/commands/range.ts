import { Command } from '@commander-js/extra-typings'
import type { Context } from '../Context.js'
import { rangeAddCommand } from './range/add.js'
import { rangeCreateCommand } from './range/create.js'
import { rangeDeleteCommand } from './range/delete.js'
import { rangeListCommand } from './range/list.js'
import { rangeRemoveCommand } from './range/remove.js'
import { rangeResizeCommand } from './range/resize.js'

export function rangeCommand(context: Context) {
  return new Command('range')
    .description('Show and change which numbers a project owns')
    .addCommand(rangeListCommand(context))
    .addCommand(rangeCreateCommand(context))
    .addCommand(rangeAddCommand(context))
    .addCommand(rangeResizeCommand(context))
    .addCommand(rangeRemoveCommand(context))
    .addCommand(rangeDeleteCommand(context))
}
