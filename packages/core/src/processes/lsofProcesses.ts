import { spawnSync } from 'node:child_process'
import type { Listener } from '../listeners/Listeners.js'
import { readNetstat } from '../listeners/netstat.js'
import { isForwarder } from './isForwarder.js'
import type { ListeningProcess } from './listeningProcesses.js'
import {
  DIRECTORY_FIELDS,
  type OpenSocket,
  parseDirectories,
  parseSockets,
  SOCKET_FIELDS,
} from './lsofOutput.js'
import type { HostProcesses, Lineage, ProcessTable } from './ProcessTable.js'
import { PS_COLUMNS, type PsRow, parsePs } from './psOutput.js'
import { outputOf } from './runProgram.js'

/** The absolute paths of the programs. The PATH of this process is not used. */
export interface Programs {
  readonly lsof: string
  readonly ps: string
  /** The name of a locale in which ps does not escape UTF-8. */
  readonly utf8: string
  /** The timeout of each program. A file system that does not answer may block it. */
  readonly limitMs: number
}

export const MACOS_PROGRAMS: Programs = {
  lsof: '/usr/sbin/lsof',
  ps: '/bin/ps',
  utf8: 'UTF-8',
  limitMs: 2_000,
}

/** The processes of this host as lsof(8) and ps(1) show them. */
export function lsofProcesses(programs: Programs): HostProcesses {
  return {
    async readSockets(protocol) {
      const table = await readNetstat()
      return table?.listeners.filter((each) => each.protocol === protocol)
    },

    async readTable(sockets) {
      const lookedAt = new Date()
      const owners = await ownersOf(sockets, programs)
      if (!owners) return undefined
      const processes = await describeAll([...new Set([...owners.values()].flat())], programs)
      if (!processes) return undefined
      return tableOf(owners, processes, lookedAt)
    },

    async readSocketsOfTree(root, sockets) {
      const [owners, processes] = await Promise.all([
        ownersOf(sockets, programs),
        readPs(['-ax'], programs),
      ])
      if (!owners || !processes) return undefined
      const { ancestorsOf } = lineageOf(processes)
      const isOfTree = (pid: number) => pid === root || ancestorsOf(pid).includes(root)
      return sockets.filter((socket) => owners.get(socket)?.some(isOfTree))
    },

    async identify(pid) {
      const seen = (await describeAll([pid], programs))?.get(pid)
      return seen && { ...seen, started: startedText(seen) }
    },

    readLineage() {
      const { stdout } = spawnSync(programs.ps, psArguments(['-ax']), {
        env: environment(programs),
        encoding: 'utf8',
        timeout: programs.limitMs,
        killSignal: 'SIGKILL',
        maxBuffer: Number.POSITIVE_INFINITY,
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      return lineageOf(parsePs(stdout ?? ''))
    },
  }
}

/** Times in the format of the C locale and in UTC, and UTF-8 without escapes. */
function environment({ utf8 }: Programs): NodeJS.ProcessEnv {
  return { LC_TIME: 'C', LC_CTYPE: utf8, TZ: 'UTC0' }
}

type Owners = ReadonlyMap<Listener, readonly number[]>

/**
 * The processes that have these sockets open and may be inspected. Undefined if lsof fails.
 */
async function ownersOf(
  sockets: readonly Listener[],
  programs: Programs,
): Promise<Owners | undefined> {
  if (sockets.length === 0) return new Map()
  const protocols = new Set(sockets.map(({ protocol }) => protocol))
  // With -sTCP:LISTEN, lsof 4.95 leaves out all sockets of UDP.
  const selected = [...protocols].map((protocol) => `-i${protocol.toUpperCase()}`)
  const output = await readLsof([...selected, '-F', SOCKET_FIELDS], programs)
  return output === undefined ? undefined : matched(sockets, parseSockets(output))
}

/**
 * The output of lsof. Undefined if it failed. The status is 1 also if lsof found nothing, or only a
 * part of what was asked for (lsof(8), "DIAGNOSTICS"). With that status it has failed only if it
 * prints an error and nothing else.
 */
async function readLsof(
  args: readonly string[],
  { lsof, limitMs }: Programs,
): Promise<string | undefined> {
  // In the C locale, lsof escapes all bytes that are not ASCII.
  const output = await outputOf(lsof, ['-nP', '-w', ...args], { LC_ALL: 'C' }, limitMs)
  if (!output || output.status > 1) return undefined
  return output.stdout === '' && output.stderr !== '' ? undefined : output.stdout
}

/**
 * Matches each socket of the kernel's table with one that lsof lists at the same address. Several
 * sockets may have one address (SO_REUSEPORT). If the kernel has more than lsof lists, the rest are
 * of processes that may not be inspected.
 */
function matched(sockets: readonly Listener[], open: readonly OpenSocket[]): Owners {
  const seen = new Map<string, Map<string, number[]>>()
  for (const each of open) {
    const devices = seen.get(keyOf(each)) ?? new Map<string, number[]>()
    const pids = devices.get(each.device) ?? []
    seen.set(
      keyOf(each),
      devices.set(each.device, pids.includes(each.pid) ? pids : [...pids, each.pid]),
    )
  }
  const left = new Map<string, number[][]>()
  const owners = new Map<Listener, readonly number[]>()
  for (const socket of sockets) {
    const { isIPv4OfIPv6Socket = false } = socket
    const key = keyOf(isIPv4OfIPv6Socket ? { ...socket, address: '::' } : socket)
    const half = `${key} ${isIPv4OfIPv6Socket}`
    const rest = left.get(half) ?? [...(seen.get(key)?.values() ?? [])]
    owners.set(socket, rest.shift() ?? [])
    left.set(half, rest)
  }
  return owners
}

function keyOf({ protocol, address, port }: Pick<Listener, 'protocol' | 'address' | 'port'>) {
  return `${protocol} ${port} ${address}`
}

type Described = ListeningProcess & { readonly startedAt: Date }

/** Undefined if ps fails. Processes that have ended are absent. */
async function describeAll(
  pids: readonly number[],
  programs: Programs,
): Promise<ReadonlyMap<number, Described> | undefined> {
  if (pids.length === 0) return new Map()
  const selected = ['-p', pids.join(',')]
  const [rows, files] = await Promise.all([
    readPs(selected, programs),
    readLsof(['-a', '-d', 'cwd', ...selected, '-F', DIRECTORY_FIELDS], programs),
  ])
  if (!rows) return undefined
  const directories = parseDirectories(files ?? '')
  const described = [...rows.values()].map(({ pid, uid, startedAt, command }) => {
    const directory = isForwarder(command) ? undefined : directories.get(pid)
    return { pid, ...(command && { command }), ...(directory && { directory }), startedAt, uid }
  })
  return new Map(described.map((each) => [each.pid, each]))
}

async function readPs(
  selection: readonly string[],
  programs: Programs,
): Promise<ReadonlyMap<number, PsRow> | undefined> {
  const { ps, limitMs } = programs
  const output = await outputOf(ps, psArguments(selection), environment(programs), limitMs)
  if (!output || output.status > 1) return undefined
  const text = Buffer.from(output.stdout, 'latin1').toString('utf8')
  return text === '' && output.stderr !== '' ? undefined : parsePs(text)
}

/** `-ww` removes the limit on the width of a line. */
function psArguments(selection: readonly string[]): string[] {
  return [...selection, '-ww', '-o', PS_COLUMNS]
}

/**
 * A process may seem to have started this much after the reading, if the clock was set meanwhile.
 */
const CLOCK_STEP_MS = 2_000

function tableOf(
  owners: Owners,
  processes: ReadonlyMap<number, Described>,
  lookedAt: Date,
): ProcessTable {
  return {
    pidsOf: (socket) => owners.get(socket) ?? [],
    describe(pid) {
      const process = processes.get(pid)
      const isLater = process && process.startedAt.getTime() > lookedAt.getTime() + CLOCK_STEP_MS
      return isLater ? undefined : process
    },
  }
}

function lineageOf(processes: ReadonlyMap<number, PsRow>): Lineage {
  return {
    ancestorsOf(pid) {
      const line: number[] = []
      for (let each = pid; each > 0 && !line.includes(each); ) {
        line.push(each)
        each = processes.get(each)?.parent ?? 0
      }
      return line
    },
    startedOf(pid) {
      const process = processes.get(pid)
      return process && startedText(process)
    },
  }
}

/** A point in time detects a reused pid without an id of the boot. */
function startedText({ startedAt }: Pick<PsRow, 'startedAt'>): string {
  return startedAt.toISOString()
}
