// The programs of a cluster, as Debian and Ubuntu package them.
import { type ExecFileSyncOptions, execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'

const POSTGRES = '/usr/lib/postgresql'

const PROGRAMS: Readonly<Record<string, () => boolean>> = {
  postgresql: () => existsSync(postgresBin() ?? '/nowhere'),
  patroni: () => existsSync('/usr/bin/patroni'),
  'etcd-server': () => existsSync('/usr/bin/etcd'),
  haproxy: () => existsSync('/usr/sbin/haproxy'),
}

/** Returns the directory of the programs of the newest installed server. */
export function postgresBin(): string | undefined {
  if (!existsSync(POSTGRES)) return undefined
  const versions = readdirSync(POSTGRES).filter((name) =>
    existsSync(`${POSTGRES}/${name}/bin/postgres`),
  )
  const newest = versions.sort((one, other) => Number(other) - Number(one))[0]
  return newest && `${POSTGRES}/${newest}/bin`
}

/** Returns the names of the packages that are not installed. */
export function missingPackages(pgbouncer: boolean): string[] {
  const missing = Object.entries(PROGRAMS).flatMap(([name, isThere]) => (isThere() ? [] : [name]))
  if (pgbouncer && !existsSync('/usr/sbin/pgbouncer')) missing.push('pgbouncer')
  return missing
}

export function installLine(packages: readonly string[]): string {
  return `apt-get install --no-install-recommends -y ${packages.join(' ')}`
}

export function install(packages: readonly string[]): void {
  const options: ExecFileSyncOptions = {
    stdio: ['ignore', 2, 2],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  }
  execFileSync('apt-get', ['update', '-qq'], options)
  execFileSync('sh', ['-c', installLine(packages)], options)
}

/** Returns the ETCD_API for this version of Patroni. cluster.env says why. */
export function safeEtcdApi() {
  const { stdout } = spawnSync('/usr/bin/patroni', ['--version'], { encoding: 'utf8' })
  const [major = 0, minor = 0, patch = 0] = (stdout.match(/\d+/g) ?? []).map(Number)
  return major * 10_000 + minor * 100 + patch >= 30_003 ? 'etcd3' : 'etcd'
}

/** Returns the version that each program prints. */
export function versions(pgbouncer: boolean): string[] {
  const asked: [program: string, flag: string][] = [
    [`${postgresBin()}/postgres`, '--version'],
    ['/usr/bin/patroni', '--version'],
    ['/usr/bin/etcd', '--version'],
    ['/usr/sbin/haproxy', '-v'],
    ...(pgbouncer ? ([['/usr/sbin/pgbouncer', '--version']] as [string, string][]) : []),
  ]
  return asked.map(([program, flag]) => {
    const { stdout } = spawnSync(program, [flag], { encoding: 'utf8' })
    return stdout
      .split('\n', 1)
      .join('')
      .replace(/ - https.*| \((?!Postgre).*\)| 20..\/.*/, '')
  })
}
