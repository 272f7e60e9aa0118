import { constants, readFileSync, readlinkSync, readSync, writeSync } from 'node:fs'
import { hostname } from 'node:os'

/** A process that holds a lock, as the lock's file describes it to others. */
export interface Holder {
  readonly host: string
  /** The id of the kernel's boot; absent if the system does not show it. */
  readonly boot?: string
  /** The id of the process in its PID namespace. */
  readonly pid: number
  readonly pidNamespace?: string
  /** The machine's own id (machine-id(5)), which a reboot does not change. */
  readonly machine?: string
}

/** All records have one length, so that one write replaces a record completely. */
const RECORD_BYTES = 512

export const READ_WRITE_CREATE = constants.O_RDWR | constants.O_CREAT

/** A process of this machine and container. */
export function holderHere(pid: number): Holder {
  return {
    host: hostname(),
    boot: firstLineOf('/proc/sys/kernel/random/boot_id'),
    pid,
    pidNamespace: pidNamespace(),
    machine: firstLineOf('/etc/machine-id'),
  }
}

/** Whether its pid identifies a process that can be seen from here. */
export function isVisible(holder: Holder): boolean {
  return holder.boot === undefined
    ? holder.host === hostname()
    : isOfThisKernel(holder) && holder.pidNamespace === pidNamespace()
}

export function isOfThisKernel({ boot }: Holder): boolean {
  return boot === firstLineOf('/proc/sys/kernel/random/boot_id')
}

/** Whether it ran on this machine before a reboot, so that it is gone. */
export function isOfEarlierBoot(holder: Holder): boolean {
  return (
    !isOfThisKernel(holder) &&
    holder.machine !== undefined &&
    holder.machine === firstLineOf('/etc/machine-id') &&
    holder.host === hostname()
  )
}

/**
 * Describes how to find the process: its host and, if its pid means nothing here, its container.
 */
export function describe(holder: Holder): string {
  const { host, pid, pidNamespace, boot } = holder
  if (isVisible(holder)) return `process ${pid}`
  if (isOfThisKernel(holder)) {
    return `process ${pid} of another container or sandbox (host name ${host}, ${pidNamespace})`
  }
  return `process ${pid} of the machine ${host} (boot ${boot})`
}

export function writeRecord(file: number, record: object): void {
  writeSync(file, `${JSON.stringify(record).padEnd(RECORD_BYTES - 1)}\n`, 0)
}

/** Undefined for a file without a record: a new one, or one that somebody wrote to. */
export function readRecord<Record>(file: number): Partial<Record> | undefined {
  const bytes = Buffer.alloc(RECORD_BYTES)
  const text = bytes.toString('utf8', 0, readSync(file, bytes, 0, RECORD_BYTES, 0)).trim()
  try {
    const record: unknown = JSON.parse(text)
    return record !== null && typeof record === 'object' ? record : undefined
  } catch {
    return undefined
  }
}

/** Whether Ctrl-Z, SIGSTOP or a debugger holds the process: proc_pid_stat(5), the third field. */
export function isStopped({ pid }: Holder): boolean {
  return /\) [Tt] /.test(firstLineOf(`/proc/${pid}/stat`) ?? '')
}

function pidNamespace(): string | undefined {
  try {
    return readlinkSync('/proc/self/ns/pid')
  } catch {
    return undefined
  }
}

function firstLineOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').split('\n')[0] || undefined
  } catch {
    return undefined
  }
}
