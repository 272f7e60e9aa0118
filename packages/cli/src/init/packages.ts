import { existsSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { type LocalProject, nearestName, packageJsonIn, packageNameIn } from '@ports/core'
import { globSync } from 'tinyglobby'
import { commandLine } from '../commandLine.js'
import { scriptOf } from '../run/appendedWords.js'
import { scriptLine } from '../run/commandOf.js'
import { DEFAULT_SERVICE } from '../run/here.js'
import { numbersIn } from '../sources/procfile.js'
import { YamlFile } from '../sources/YamlFile.js'
import { configuredPort } from './configuredPort.js'
import type { Proposal } from './Proposal.js'
import { withFirst } from './withFirst.js'

/** The scripts that start a server, in order of preference. */
const SCRIPTS = ['dev', 'start']

/** The variables that stand for a number and a host in a shell command. */
const TARGET = { port: '$PORT', host: '$HOST' }

/** Adds a service for each package of the repository that has a script to start it. */
export function addPackages(root: string, project: LocalProject | undefined, proposal: Proposal) {
  const before = Object.keys(proposal.services).length
  for (const directory of membersOf(root, proposal)) addPackage(root, directory, project, proposal)
  const hasMembers = Object.keys(proposal.services).length > before
  const script = hasMembers ? scriptIn(root) : undefined
  if (script === undefined) addPackage(root, root, project, proposal)
  else proposal.omit(`package.json, ${script}`, 'the packages have services of their own')
}

function addPackage(
  root: string,
  directory: string,
  project: LocalProject | undefined,
  proposal: Proposal,
): void {
  const script = scriptIn(directory)
  const configured = configuredPort(directory)
  if (script === undefined && !configured) return
  const path = relative(root, directory)
  const name = directory === root ? DEFAULT_SERVICE : nameOfMember(directory, project)
  const fileOf = (file: string) => join(path, file)
  if (script !== undefined) {
    // For a script in its own directory, ports run adds the flags itself.
    const command =
      path === ''
        ? scriptLine(root, script)
        : `cd ${commandLine(path)} && ${scriptLine(directory, script, TARGET)}`
    const numbers = numbersIn(scriptOf(directory, script)!.replace(/\$\{[^}]*\}/g, ''))
    proposal.addWithNumbers(`${fileOf('package.json')}, ${script}`, name, numbers, { command })
  }
  if (configured) proposal.addWithNumbers(fileOf(configured.file), name, [configured.port])
}

/** The name that `ports run` would use without a `ports.json`, if the package has a name. */
function nameOfMember(directory: string, project: LocalProject | undefined): string {
  const name = packageNameIn(directory) ?? nearestName(basename(directory))
  return name === undefined || name === project?.projectName ? DEFAULT_SERVICE : name
}

function scriptIn(directory: string): string | undefined {
  return SCRIPTS.find((script) => scriptOf(directory, script) !== undefined)
}

/** The directories of a workspace's packages, in order. */
function membersOf(root: string, proposal: Proposal): string[] {
  const patterns = patternsOf(root, proposal).map(
    (pattern) => `${pattern.replace(/\/$/, '')}/package.json`,
  )
  if (patterns.length === 0) return []
  const ignore = ['**/node_modules/**']
  return globSync(patterns, { cwd: root, ignore, expandDirectories: false })
    .sort()
    .map((file) => join(root, file, '..'))
    .filter((directory) => directory !== root)
}

const PNPM_WORKSPACE = 'pnpm-workspace.yaml'

function patternsOf(root: string, proposal: Proposal): string[] {
  const patterns: string[] = []
  if (existsSync(join(root, PNPM_WORKSPACE))) {
    withFirst(root, [PNPM_WORKSPACE], proposal, (file) => {
      const yaml = new YamlFile(file)
      const listed = yaml.fieldsOf(yaml.root).get('packages')
      const items = listed ? yaml.itemsOf(listed) : []
      patterns.push(...items.flatMap((item) => yaml.textOf(item) ?? []))
    })
    return patterns
  }
  if (!existsSync(join(root, 'package.json'))) return []
  const { workspaces } = packageJsonIn(root)
  const listed = Array.isArray(workspaces) ? workspaces : Object(workspaces).packages
  return Array.isArray(listed) ? listed.filter((each) => typeof each === 'string') : []
}
