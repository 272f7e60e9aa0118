import { basename, join } from 'node:path'
import {
  findProject,
  nearestName,
  nearestPackage,
  nearestWith,
  PortsError,
  PROJECT_FILE,
  type ProjectFile,
  validProjectFile,
} from '@ports/core'
import { builtServices } from '../sources/compose.js'
import { readPortVariables } from '../sources/env.js'
import { processesIn } from '../sources/procfile.js'
import { installedSchema } from './installedSchema.js'
import { type Omission, Proposal } from './Proposal.js'
import { addPackages } from './packages.js'
import { withFirst } from './withFirst.js'

/** A `ports.json` that could be written. */
export interface ProposedProject {
  readonly path: string
  readonly file: ProjectFile & { readonly $schema?: string }
  readonly omissions: readonly Omission[]
}

const COMPOSE_FILES = ['compose.yaml', 'compose.yml', 'docker-compose.yaml', 'docker-compose.yml']

/**
 * A project file for the repository of a directory, based on its packages, Compose file, Procfile
 * and `.env`. A service prefers a number only if a file fixes it.
 * @throws {PortsError} `INVALID_ARGUMENT` if there is a project file already, or no name for the project
 */
export function proposeProject(directory: string): ProposedProject {
  const existing = nearestWith(PROJECT_FILE, directory)
  if (existing !== undefined) {
    const path = join(existing, PROJECT_FILE)
    throw new PortsError(
      'INVALID_ARGUMENT',
      `${path} already exists, and is not overwritten. Edit it instead.`,
      {
        path,
      },
    )
  }
  const root = nearestWith('.git', directory) ?? nearestPackage(directory) ?? directory
  const project = findProject(root)
  const proposal = new Proposal()
  addPackages(root, project, proposal)
  withFirst(root, ['Procfile'], proposal, (file) => {
    for (const { name, serviceName, command, numbers, place, namesPort } of processesIn(file)) {
      // Programs that run a Procfile always give the process named web a PORT.
      if (!namesPort && name !== 'web') proposal.omit(`Procfile, ${place}`, `${name} names no port`)
      else proposal.addWithNumbers(`Procfile, ${place}`, serviceName, numbers, { command })
    }
  })
  withFirst(root, COMPOSE_FILES, proposal, (file) => {
    for (const { serviceName, numbers, place } of builtServices(file)) {
      proposal.addWithNumbers(`${basename(file.source)}, ${place}`, serviceName, numbers)
    }
  })
  withFirst(root, ['.env'], proposal, (file) => {
    const { rows, places, notes } = readPortVariables(file)
    for (const [index, { serviceName, portNumber }] of rows.entries()) {
      proposal.addWithNumbers(`.env, ${places[index]}`, serviceName, [portNumber])
    }
    for (const { place, reason } of notes) proposal.omit(`.env, ${place}`, reason)
  })

  const path = join(root, PROJECT_FILE)
  const schema = installedSchema(root)
  const named = schema === undefined ? {} : { $schema: schema }
  const projectName = project?.projectName ?? nearestName(basename(root))
  const { services, omissions } = proposal
  const checked = validProjectFile(path, { ...named, project: projectName, services })
  return { path, file: { ...named, ...checked }, omissions }
}
