import { checkoutOf, currentDirectory, isAbsent } from '@ports/core'
import type { Context } from './Context.js'

interface Choice {
  readonly instance?: string
}

/**
 * The options of a call, with the instance of the project that this directory is. If a `ports.json`
 * here or above names the project, each worktree and clone is an instance of its own. An instance
 * that an option or the environment names takes precedence.
 * @param create whether the call makes a registry if there is none
 */
export async function inCheckout<Options extends Choice>(
  { openManager, signal }: Context,
  projectName: string,
  options: Options,
  { create }: { readonly create: boolean },
): Promise<Options & Choice> {
  if (!isAbsent(options.instance)) return options
  const ports = await openManager()
  if (ports.namedInstance(projectName) !== undefined) return options
  const directory = currentDirectory()
  if (directory === undefined) return options
  const call = { projectName, create, signal }
  const checkout = await checkoutOf(ports, directory, call)
  return checkout ? { ...options, instance: checkout.instance } : options
}
