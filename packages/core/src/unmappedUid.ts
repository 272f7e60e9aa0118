import { readFileSync } from 'node:fs'

/**
 * The uid that the kernel shows in a user namespace for all users who have none there
 * (user_namespaces(7), "Unmapped user and group IDs"). Undefined if every user has one.
 */
export function unmappedUid(): number | undefined {
  try {
    const map = readFileSync('/proc/self/uid_map', 'latin1')
    if (/^ *0 +0 +4294967295\n$/.test(map)) return undefined
    return Number(readFileSync('/proc/sys/kernel/overflowuid', 'latin1'))
  } catch {
    // A kernel without user namespaces.
    return undefined
  }
}
