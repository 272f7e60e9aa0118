import { Option } from '@commander-js/extra-typings'
import type { LimitSubject } from '@ports/core'

export const limitedProjectOption = new Option('--project <project>', 'the project that is limited')

export const limitedActorOption = new Option(
  '--actor <name>',
  'the actor that is limited, as in the history; * stands for any text',
).conflicts('project')

interface Typed {
  readonly project?: string | undefined
  readonly actor?: string | undefined
}

/** Undefined if neither is typed. */
export function typedSubject({ project, actor }: Typed): LimitSubject | undefined {
  if (actor) return { actor }
  return project ? { projectName: project } : undefined
}

export function nameOfSubject({ projectName, actor }: LimitSubject): string {
  return projectName ?? `actor ${actor}`
}
