// What the callers and the checker must agree on: who owns which numbers, which hosts there are, and
// by what names services go.
import type { PortManager } from '@ports/core'

/** Numbers of a project, on one host or on all. */
export type Range = { startPort: number; endPort: number; boundTo?: string }

export type Project = { projectName: string; ranges: Range[]; restSeconds?: number }

/** Of a project, or of actors whose names begin so, with an asterisk. */
export type Limited =
  | { projectName: string; actor?: undefined }
  | { actor: string; projectName?: undefined }

export type Limit = Limited & { maxPorts?: number; perMinute?: number }

export const LARGE = {
  projectName: 'large',
  ranges: [{ startPort: 20_200, endPort: 20_599 }] as Range[],
}
/** It may hold only a few ports. The shared services, which nobody releases, hold none. */
export const LIMITED = {
  projectName: 'limited',
  ranges: [{ startPort: 20_800, endPort: 20_839 }] as Range[],
}
/** It may be given only a few ports in a minute. The workers do not ask for them. */
export const PACED = {
  projectName: 'paced',
  ranges: [{ startPort: 20_850, endPort: 20_869 }] as Range[],
}
/** On all hosts together. */
export const LIMITS = {
  held: { projectName: LIMITED.projectName, maxPorts: 8 },
  given: { projectName: PACED.projectName, perMinute: 20 },
  actors: { actor: 'agent-*', maxPorts: 5, perMinute: 100 },
} as const
/** Whose released numbers are given only to their last holder for a time. */
export const RESTING = {
  projectName: 'resting',
  ranges: [{ startPort: 20_900, endPort: 20_923 }] as Range[],
  restSeconds: 1,
}
/** With the ranges that they have from the beginning to the end. */
export const PROJECTS: Project[] = [
  {
    projectName: 'small',
    ranges: [{ startPort: 20_000, endPort: 20_011 }] as Range[],
  },
  {
    projectName: 'middle',
    ranges: [
      { startPort: 20_100, endPort: 20_115 },
      { startPort: 20_130, endPort: 20_137 },
      { startPort: 20_150, endPort: 20_157, boundTo: 'alpha' },
    ] as Range[],
  },
  LARGE,
  LIMITED,
  PACED,
  RESTING,
]
/** Faults lock single rows only of these. A call passes over a number that rests for it and is locked. */
export const WITHOUT_RESTS = PROJECTS.filter(({ restSeconds }) => restSeconds === undefined)
/** Those that the workers use. */
export const OPEN = PROJECTS.filter((project) => project !== PACED)
/** Ranges that are added and removed while the projects are in use. */
export const TEMPORARY: ({ project: string } & Range)[] = [
  { project: 'small', startPort: 20_020, endPort: 20_023 },
  { project: 'small', startPort: 20_150, endPort: 20_151, boundTo: 'beta' },
  { project: 'middle', startPort: 20_090, endPort: 20_093 },
  { project: 'middle', startPort: 20_140, endPort: 20_140 },
  { project: 'large', startPort: 20_180, endPort: 20_181, boundTo: 'alpha' },
  { project: 'large', startPort: 20_700, endPort: 20_719 },
]

/**
 * Numbers that are reserved at times, on one host and for one protocol or on all and for both. No two
 * have the same bounds, which name a reservation. Two overlap.
 */
export const RESERVED: {
  startPort: number
  endPort: number
  boundTo?: string
  proto?: 'tcp' | 'udp'
}[] = [
  { startPort: 20_000, endPort: 20_003 },
  { startPort: 20_104, endPort: 20_109, boundTo: 'alpha' },
  { startPort: 20_130, endPort: 20_133, proto: 'udp' },
  { startPort: 20_200, endPort: 20_249 },
  { startPort: 20_240, endPort: 20_269, boundTo: 'beta', proto: 'tcp' },
]

/** All numbers that the project ever has anywhere. */
export function numbersOf(project: string) {
  const own = PROJECTS.find(({ projectName }) => projectName === project)?.ranges ?? []
  const temporary = TEMPORARY.filter((range) => range.project === project)
  return [...own, ...temporary].flatMap(numbersIn)
}

export function numbersIn({ startPort, endPort }: Range) {
  return Array.from({ length: endPort - startPort + 1 }, (_, offset) => startPort + offset)
}

export const HOSTS = ['alpha', 'beta']
/** Instances of the projects. The primary one has no name. */
export const INSTANCES = ['', 'copy']
export const PROTOCOLS = ['tcp', 'udp'] as const

/** Services that every worker asks for and nobody ever releases. */
export const SHARED = ['shared-0', 'shared-1']

/** What batches ask for a service, by the end of its name. */
export const LAYOUTS: Record<string, Layout> = {
  single: { count: 1, contiguous: false, protocols: ['tcp'] },
  pair: { count: 2, contiguous: false, protocols: ['udp'] },
  both: { count: 1, contiguous: false, protocols: ['tcp', 'udp'] },
  block: { count: 3, contiguous: true, protocols: ['tcp'] },
  wide: { count: 4, contiguous: true, protocols: ['tcp', 'udp'] },
}

export type Layout = { count: number; contiguous: boolean; protocols: ('tcp' | 'udp')[] }

const COMMON_PERIOD_US = 4_000_000

/**
 * A service that every worker asks for and releases, for some seconds: a release without an answer
 * may land at any time, so that nothing is certain of that service any more.
 */
export function commonService() {
  return `common-${Math.floor(now() / COMMON_PERIOD_US)}`
}

/** @param service a common one */
export function isOutdated(service: string) {
  return (
    Number.parseInt(service.slice('common-'.length), 10) < Math.floor(now() / COMMON_PERIOD_US) - 1
  )
}

/**
 * How long an attempt without an answer may still take effect: far longer than any lock is held
 * here, or any byte is under way. The judgement builds on it where a service was released after that:
 * what it holds then was told to somebody.
 */
export const LANDED_AFTER_US = 30_000_000

/** Microseconds of the machine's monotonic clock: one clock for all processes, which never jumps. */
export function now() {
  return Number(process.hrtime.bigint() / 1000n)
}

export function pick<Item>(list: readonly Item[]): Item {
  return list[Math.floor(Math.random() * list.length)] as Item
}

export async function createProjects(ports: PortManager) {
  for (const { projectName, ranges, restSeconds } of PROJECTS) {
    for (const { boundTo, ...bounds } of ranges) {
      await ports.addRange(projectName, { ...bounds, ...(boundTo && { hostname: boundTo }) })
    }
    if (restSeconds !== undefined) await ports.setRest(projectName, restSeconds)
  }
  for (const limit of Object.values(LIMITS)) await ports.setLimit(limit, limit)
}
