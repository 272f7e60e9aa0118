import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** The name in publish/package.json, which the build puts in. */
declare const PUBLISHED_PACKAGE: string

/** The package with everything in it, and the one of the library that it contains. */
const PACKAGES = [PUBLISHED_PACKAGE, '@ports/core']

/**
 * The path of the schema of `ports.json` from the top of the repository. Undefined if no package
 * that has it is installed there: the file is committed, and the place of any other installation
 * differs from machine to machine. Editors resolve a path, but not the name of a package.
 */
export function installedSchema(root: string): string | undefined {
  return PACKAGES.map((name) => `./node_modules/${name}/ports.schema.json`).find((path) =>
    existsSync(join(root, path)),
  )
}
