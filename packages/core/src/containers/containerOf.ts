import { readFileSync } from 'node:fs'
import type { Container } from './Container.js'

/** The name of a container's cgroup, in the part after the last slash, hyphen or colon. */
const CONTAINER = /(?:^|[-:])(?<id>[\da-f]{64})(?:\.scope)?$/

/** Podman's supervisor of a container has a cgroup beside it. */
const SUPERVISOR = /^libpod-conmon-/

/**
 * The container in which a process of this host runs. Undefined if it runs in none of these, or that
 * cannot be seen.
 */
export function containerOf(pid: number, containers: readonly Container[]): Container | undefined {
  // Without containers, does not read /proc, because an audit asks for every socket.
  if (containers.length === 0) return undefined
  const ids = containerIds(cgroupsOf(pid))
  const found = ids.map((id) => containers.find((container) => id.startsWith(container.id)))
  return found.find((container) => container !== undefined)
}

/**
 * The ids in the names of a process's cgroups (cgroups(7), `/proc/<pid>/cgroup`), an outer container
 * before those inside it. Docker, Podman, containerd and CRI-O all use an id of 64 digits, in one of
 * these forms: `docker/<id>`, `docker-<id>.scope`, `libpod-<id>`, `libpod-payload-<id>`,
 * `pod<uid>/<id>`, `cri-containerd-<id>.scope`, `<namespace>:cri-containerd:<id>`.
 */
export function containerIds(cgroups: string): string[] {
  const names = cgroups.split('\n').flatMap((line) => line.split('/').slice(1))
  const ids = names.flatMap((name) =>
    SUPERVISOR.test(name) ? [] : (CONTAINER.exec(name)?.groups?.id ?? []),
  )
  return [...new Set(ids)]
}

function cgroupsOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, 'latin1')
  } catch {
    // It has ended, or this system has no such file.
    return ''
  }
}
