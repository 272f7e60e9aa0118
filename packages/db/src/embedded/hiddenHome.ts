import { closeSync, constants, existsSync, openSync, readFileSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { PortsError } from '@ports/core'
import { registryHome } from './registryHome.js'

/**
 * The file systems (statfs(2)) that sandboxes mount over a home. No machine's own home is on one.
 */
const MADE_BY_SANDBOXES: ReadonlySet<number> = new Set([
  0x01021994, // tmpfs
  0x794c7630, // overlayfs
])

/**
 * Refuses to make or start a registry on a file system that only this mount namespace has, such as
 * an empty one that a sandbox mounts over the home directory. Such a registry would give other
 * numbers than the machine's, and its server would outlive the sandbox with nobody able to connect
 * to it. The first process of the PID namespace represents the machine or the container. If it sees
 * the same file system, as in a container, nothing is hidden.
 * @throws {PortsError} `SANDBOXED`
 */
export function refuseHiddenHome(home: string): void {
  if (!isHidden(existing(home))) return
  throw new PortsError(
    'SANDBOXED',
    `${home} is on a file system that only this sandbox sees. The machine's registry is not ` +
      'visible here, and a new one would give out its numbers a second time. Nothing was ' +
      'changed. Run this outside the sandbox, make that directory visible in the sandbox, set ' +
      'PORTS_HOME to a directory that the sandbox shares, or set PORTS_DATABASE_URL to the URL of ' +
      'a PostgreSQL database.',
    { home },
  )
}

/** Why a registry in its home would be hidden from the machine; undefined if it would not be. */
export async function hiddenHomeRefusal(): Promise<string | undefined> {
  try {
    refuseHiddenHome(await registryHome())
    return undefined
  } catch (error) {
    if (error instanceof PortsError) return error.message
    throw error
  }
}

function isHidden(directory: string): boolean {
  if (process.platform !== 'linux') return false
  const device = deviceOf(directory)
  const visible = mounts('/proc/1/mountinfo').map((mount) => mount.device)
  if (device !== undefined && visible.length > 0) return !visible.includes(device)
  // A sandbox hides /proc, or the machine hides the processes of others (hidepid).
  return MADE_BY_SANDBOXES.has(statfsSync(directory).type)
}

function existing(directory: string): string {
  return existsSync(directory) ? directory : existing(dirname(directory))
}

/**
 * Looks the mount up by its id, because Btrfs gives files a device number that differs from their
 * mount's.
 */
function deviceOf(directory: string): string | undefined {
  const handle = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    const info = textOf(`/proc/self/fdinfo/${handle}`)
    const id = /^mnt_id:\s*(\d+)/m.exec(info)?.[1]
    return mounts('/proc/self/mountinfo').find((mount) => mount.id === id)?.device
  } finally {
    closeSync(handle)
  }
}

/** proc_pid_mountinfo(5): the first column is the mount's id, the third its device. */
function mounts(file: string): { id: string; device: string }[] {
  return textOf(file)
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [id = '', , device = ''] = line.split(' ')
      return { id, device }
    })
}

/** Empty if the system has no such file or hides it. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
