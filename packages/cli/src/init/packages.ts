import { existsSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import {
  type LocalProject,
  nearestName,
  PortsError,
  packageJsonIn,
  packageNameIn,
  readTextFile,
} from '@ports/core'
import { globSync } from 'tinyglobby'
import { scriptLine, scriptOf } from '../run/commandOf.js'
import { DEFAULT_SERVICE } from '../run/here.js'
import { numbersIn } from '../sources/procfile.js'
import { YamlFile } from '../sources/YamlFile.js'
import { configuredPort } from './configuredPort.js'
import type { Proposal } from './Proposal.js'

/** The scripts that start a server, the first that there is. */
const SCRIPTS = ['dev', 'start']

const WORKSPACE = 'pnpm-workspace.yaml'

/** A line for a shell has these in place of a number and a host. */
const TARGET = { port: '$PORT', host: '$HOST' }

/** A service for each package of the repository that has a script to start it. */
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
    // ports run adds the flags of a script in its own directory itself.
    const command =
      path === ''
        ? scriptLine(root, script)
        : `cd ${quoted(path)} && ${scriptLine(directory, script, TARGET)}`
    const numbers = numbersIn(scriptOf(directory, script)!.replace(/\$\{[^}]*\}/g, ''))
    proposal.addWithNumbers(`${fileOf('package.json')}, ${script}`, name, numbers, { command })
  }
  if (configured) proposal.addWithNumbers(fileOf(configured.file), name, [configured.port])
}

/** As `ports run` names it where there is no `ports.json`, if the package has a name. */
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

function patternsOf(root: string, proposal: Proposal): string[] {
  if (existsSync(join(root, WORKSPACE))) return patternsOfPnpm(root, proposal)
  const { workspaces } = packageJsonIn(root)
  return textsIn(Array.isArray(workspaces) ? workspaces : Object(workspaces).packages)
}

function patternsOfPnpm(root: string, proposal: Proposal): string[] {
  try {
    const content = readTextFile(join(root, WORKSPACE))
    const yaml = new YamlFile({ content, source: WORKSPACE })
    const packages = yaml.fieldsOf(yaml.root).get('packages')
    return packages ? yaml.itemsOf(packages).flatMap((each) => yaml.textOf(each) || []) : []
  } catch (error) {
    if (!(error instanceof PortsError)) throw error
    proposal.omit(WORKSPACE, error.message)
    return []
  }
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : []
}

function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}
