// The constants that callers and checker share: projects and their numbers, hosts, names of
// services.
import type { PortManager } from '@ports/core'

/** Numbers of a project, on one host or on all hosts. */
export type Range = { startPort: number; endPort: number; boundTo?: string }

export type Project = { projectName: string; ranges: Range[]; restSeconds?: number }

/** A project, or actors by a pattern with an asterisk at its end. */
export type Limited =
  | { projectName: string; actor?: undefined }
  | { actor: string; projectName?: undefined }

export type Limit = Limited & { maxPorts?: number; perMinute?: number }

export const LARGE = {
  projectName: 'large',
  ranges: [{ startPort: 20_200, endPort: 20_599 }] as Range[],
}
/**
 * A project that may hold only a few ports. Shared services, which are never released, hold none.
 */
export const LIMITED = {
  projectName: 'limited',
  ranges: [{ startPort: 20_800, endPort: 20_839 }] as Range[],
}
/** A project with a limit per minute. The workers do not use it. */
export const PACED = {
  projectName: 'paced',
  ranges: [{ startPort: 20_850, endPort: 20_869 }] as Range[],
}
/** The limits, each for all hosts together. */
export const LIMITS = {
  held: { projectName: LIMITED.projectName, maxPorts: 8 },
  given: { projectName: PACED.projectName, perMinute: 20 },
  actors: { actor: 'agent-*', maxPorts: 5, perMinute: 100 },
} as const
/** A project whose released numbers are reserved for their last holder for a time. */
export const RESTING = {
  projectName: 'resting',
  ranges: [{ startPort: 20_900, endPort: 20_923 }] as Range[],
  restSeconds: 1,
}
/** The projects with their permanent ranges. */
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
/**
 * Faults lock single rows only of these projects. A call skips a number that rests for it if it is
 * locked.
 */
export const WITHOUT_RESTS = PROJECTS.filter(({ restSeconds }) => restSeconds === undefined)
/** The projects that the workers use. */
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
 * Numbers that are reserved at times, on one host or all, for one protocol or both. Their bounds,
 * which name a reservation, are unique. Two overlap.
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

/** Returns all numbers of the project, including temporary ones. */
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

/** Services that every worker uses and none releases. */
export const SHARED = ['shared-0', 'shared-1']

/** The layouts in batches, by the suffix of the service. */
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
 * A service that every worker uses for some seconds. A release without a reply may take effect at
 * any time, so its later state is uncertain.
 */
export function commonService() {
  return `common-${Math.floor(now() / COMMON_PERIOD_US)}`
}

/** @param service a common service */
export function isOutdated(service: string) {
  return (
    Number.parseInt(service.slice('common-'.length), 10) < Math.floor(now() / COMMON_PERIOD_US) - 1
  )
}

/**
 * The maximum time for an attempt without a reply to take effect: much longer than any lock or
 * transmission lasts. The checker relies on it for services that were released later.
 */
export const MAX_IN_FLIGHT_US = 30_000_000

/** Microseconds of the monotonic clock of the machine, which all processes share. */
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
