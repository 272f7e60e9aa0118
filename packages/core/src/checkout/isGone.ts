import { existsSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { isInside } from '../project/isInside.js'
import { statOf } from '../statOf.js'

/**
 * Whether a directory of this host no longer exists. A directory that cannot be accessed is not
 * gone, nor is one on a file system that may just be unmounted.
 */
export function isGone(directory: string): boolean {
  try {
    return !statOf(directory).isDirectory()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return (code === 'ENOENT' || code === 'ENOTDIR') && !maybeUnmounted(directory)
  }
}

/** The places where the Filesystem Hierarchy Standard and macOS have media mounted. */
const MEDIA = /^(\/mnt(\/[^/]+)?|(\/run)?\/media(\/[^/]+){0,2}|\/Volumes)$/

function maybeUnmounted(directory: string): boolean {
  let existing = dirname(directory)
  while (!existsSync(existing)) existing = dirname(existing)
  const mounted = column('/proc/self/mountinfo', 4)
  const isUnmounted = (place: string) => isInside(directory, place) && !mounted.includes(place)
  if (MEDIA.test(existing) && isUnmounted(existing)) return true
  return column('/etc/fstab', 1).some((place) => place.startsWith('/') && isUnmounted(place))
}

/** One column of a file like fstab(5). Empty where there is no such file. */
function column(file: string, nth: number): string[] {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([first = '']) => first !== '' && !first.startsWith('#'))
    .flatMap((words) => words[nth] ?? [])
    .map((word) =>
      word.replace(/\\(\d{3})/g, (_, code) => String.fromCharCode(Number(`0o${code}`))),
    )
}
