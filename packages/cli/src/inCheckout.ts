import { checkoutOf, instanceOfEnvironment, isAbsent, workingDirectory } from '@ports/core'
import type { Context } from './Context.js'

interface Choice {
  readonly instance?: string
}

/**
 * The options of a call, with the instance that this directory is of the project: where a
 * `ports.json` here or above names the project, each worktree and clone is one of its own. An
 * instance that an option or the environment names stays.
 * @param create whether the call makes a registry where there is none
 */
export async function inCheckout<Options extends Choice>(
  { openManager, signal }: Context,
  projectName: string,
  options: Options,
  { create }: { readonly create: boolean },
): Promise<Options & Choice> {
  if (!isAbsent(options.instance)) return options
  if (instanceOfEnvironment()(projectName) !== undefined) return options
  const call = { projectName, create, signal }
  const checkout = await checkoutOf(await openManager(), workingDirectory(), call)
  return checkout ? { ...options, instance: checkout.instance } : options
}
