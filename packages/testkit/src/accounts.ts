import { spawnSync } from 'node:child_process'

export interface Account {
  readonly uid: number
  readonly gid: number
}

/** Returns undefined if this machine has no account of that name. */
export function accountNamed(name: string): Account | undefined {
  const [uid, gid] = ['-u', '-g'].map((flag) => spawnSync('id', [flag, name], { encoding: 'utf8' }))
  if (uid?.status !== 0 || gid?.status !== 0) return undefined
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
}
