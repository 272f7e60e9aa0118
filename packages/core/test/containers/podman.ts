import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Statically linked: the only file in the image. */
const BUSYBOX = '/bin/busybox'

const PROGRAMS = ['podman', 'unshare', 'nsenter', 'ip', 'tar', BUSYBOX]

/** Does not affect the firewall and the containers of this machine. */
const IN_OWN_NAMESPACES = `
  ip link set lo up
  mkdir -p /var/lib/cni
  for directory in /dev/shm /run /var/lib/cni; do mount -t tmpfs tmpfs "$directory"; done
  # crun refuses to run where both versions of cgroups have controllers.
  umount /sys/fs/cgroup/unified 2>/dev/null || true
  exec "$@"`

/** Podman sets higher limits by default, which not every root may. */
const CONFIGURATION = `
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
`

export interface Podman {
  /** The socket of its API. */
  readonly socket: string
  /** The kernel's tables of the sockets in its network namespace. */
  readonly networkTables: string
  /**
   * Runs a command and returns its output.
   * @throws with Podman's message if it fails
   */
  run(...args: string[]): string
  stop(): Promise<void>
}

/** Starts Podman in namespaces of its own, with an image `box`, or returns why it cannot run. */
export async function startPodman(): Promise<Podman | { readonly missing: string }> {
  if (process.getuid?.() !== 0) return { missing: 'only root can give Podman its namespaces' }
  const absent = PROGRAMS.find((program) => spawnSync(program, ['--help']).error)
  if (absent !== undefined) return { missing: `${absent} is not installed` }
  const podman = serve()
  try {
    await podman.listens()
    makeImage(podman)
    podman.run('run', '--rm', 'box', 'true')
    return podman
  } catch (error) {
    await podman.stop()
    return { missing: `Podman cannot run a container here (${(error as Error).message})` }
  }
}

function serve() {
  const directory = mkdtempSync(join(tmpdir(), 'ports-podman-'))
  const socket = join(directory, 'podman.sock')
  writeFileSync(join(directory, 'containers.conf'), CONFIGURATION)
  const env = { PATH: process.env.PATH, CONTAINERS_CONF: join(directory, 'containers.conf') }
  const places = ['root', 'runroot', 'tmpdir'].map((each) => `--${each}=${join(directory, each)}`)
  const command = ['podman', '--storage-driver=vfs', ...places]
  const service = spawn(
    'unshare',
    [
      ...['-n', '-m', '--propagation', 'private', 'sh', '-ec', IN_OWN_NAMESPACES, 'sh'],
      ...[...command, 'system', 'service', '--time=0', `unix://${socket}`],
    ],
    { env, stdio: 'ignore' },
  )
  const enter = ['-t', `${service.pid}`, '-n', '-m', ...command]
  const run = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync('nsenter', [...enter, ...args], { env })
    if (status !== 0) throw new Error(String(stderr).trim())
    return String(stdout).trim()
  }
  return {
    directory,
    socket,
    networkTables: `/proc/${service.pid}/net`,
    run,
    async listens() {
      while (!existsSync(socket)) {
        if (service.exitCode !== null) throw new Error('its service ended')
        await sleep(20)
      }
    },
    async stop() {
      const isRunning = service.exitCode === null
      const ended = once(service, 'exit')
      try {
        const ids = isRunning ? run('ps', '--all', '--quiet').split('\n').filter(Boolean) : []
        // One at a time, because with `--all` a container goes before those that joined its network.
        for (const id of ids) run('rm', '--force', '--ignore', '--depend', '--time=0', id)
      } finally {
        service.kill()
        if (isRunning) await ended
        rmSync(directory, { recursive: true, force: true })
      }
    },
  }
}

function makeImage({ directory, run }: ReturnType<typeof serve>): void {
  const files = join(directory, 'image')
  mkdirSync(join(files, 'bin'), { recursive: true })
  for (const name of ['nc', 'sleep', 'true']) copyFileSync(BUSYBOX, join(files, 'bin', name))
  const archive = join(directory, 'image.tar')
  spawnSync('tar', ['-C', files, '-cf', archive, '.'])
  run('import', archive, 'box')
}
