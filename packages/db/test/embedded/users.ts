import { spawnSync } from 'node:child_process'
import { skipBecause } from '@ports/testkit/vitest'
import { type User, whyItCannotRun } from './RegistryProgram.js'

export const isRoot = process.getuid!() === 0

/** A user of this machine, as its list of users has it. */
export function userNamed(name: string): User | undefined {
  const [uid, gid] = ['-u', '-g'].map((flag) => spawnSync('id', [flag, name]))
  if (uid!.status !== 0 || gid!.status !== 0) return undefined
  return { uid: Number(uid!.stdout), gid: Number(gid!.stdout) }
}

/** Another user who can run programs from this checkout. Skips the test where there is none. */
export function otherUser(skip: (note: string) => never, name = 'nobody'): User {
  if (!isRoot) skipBecause(skip, 'only root can run programs as another user')
  const user = userNamed(name)
  if (!user) skipBecause(skip, `this machine has no user ${name}`)
  const reason = whyItCannotRun(user)
  if (reason !== undefined) skipBecause(skip, reason)
  return user
}
