import { Command } from '@commander-js/extra-typings'
import type { Context } from '../Context.js'
import { listLimitsCommand } from './limit/list.js'
import { removeLimitCommand } from './limit/remove.js'
import { setLimitCommand } from './limit/set.js'

export function limitCommand(context: Context) {
  return new Command('limit')
    .description('Limit how many ports a project or an actor holds, and gets in a minute')
    .addCommand(setLimitCommand(context))
    .addCommand(listLimitsCommand(context))
    .addCommand(removeLimitCommand(context))
}
