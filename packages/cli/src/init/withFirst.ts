import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PortsError } from '@ports/core'
import type { SourceFile } from '../sources/Findings.js'
import type { Proposal } from './Proposal.js'

/** The first of the files that there is. One that cannot be read is said, and no reason to stop. */
export function withFirst(
  root: string,
  names: readonly string[],
  proposal: Proposal,
  read: (file: SourceFile) => void,
): void {
  const name = names.find((each) => existsSync(join(root, each)))
  if (name === undefined) return
  const content = readFileSync(join(root, name), 'utf8').replace(/^\uFEFF/, '')
  try {
    read({ content, source: name, directory: root, environment: {} })
  } catch (error) {
    if (!(error instanceof PortsError)) throw error
    proposal.omit(name, error.message)
  }
}
