import { existsSync, readFileSync } from 'node:fs'

/** The name of a user of this machine, or its number if passwd(5) has none. */
export function nameOfUser(uid: number): string {
  const users = existsSync('/etc/passwd') ? readFileSync('/etc/passwd', 'utf8').split('\n') : []
  const user = users.map((line) => line.split(':')).find(([, , id]) => id === String(uid))
  return user?.[0] ?? `uid ${uid}`
}
