import { existsSync, readFileSync } from 'node:fs'

/** The name of a user of this machine, or `uid <number>` if /etc/passwd does not list it. */
export function nameOfUser(uid: number): string {
  const users = existsSync('/etc/passwd') ? readFileSync('/etc/passwd', 'utf8').split('\n') : []
  const user = users.map((line) => line.split(':')).find(([, , id]) => id === String(uid))
  return user?.[0] ?? `uid ${uid}`
}
