import { type Account, accountNamed } from '@ports/testkit'
import { type Skip, skipBecause } from '@ports/testkit/vitest'
import { whyItCannotRun } from './RegistryProgram.js'

export const isRoot = process.getuid!() === 0

/** Another user who can run programs from this checkout. Skips the test if there is none. */
export function otherUser(skip: Skip, name = 'nobody'): Account {
  if (!isRoot) skipBecause(skip, 'only root can run programs as another user')
  const user = accountNamed(name)
  if (!user) skipBecause(skip, `this machine has no user ${name}`)
  const reason = whyItCannotRun(user)
  if (reason !== undefined) skipBecause(skip, reason)
  return user
}
