import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Options } from 'tsup'

type Plugin = NonNullable<Options['esbuildPlugins']>[number]
type Outputs = Record<string, { inputs: Record<string, { bytesInOutput: number }> }>

/**
 * For tsup's `esbuildPlugins`. Writes the licences of bundled packages to
 * dist/THIRD-PARTY-NOTICES.txt, because most licences require that with each copy.
 */
export function thirdPartyNotices(): Plugin {
  return {
    name: 'third-party-notices',
    setup(build) {
      build.initialOptions.metafile = true
      build.onEnd(({ metafile }) => {
        if (!metafile) return
        const notices = bundledPackages(metafile.outputs).map(noticeOf)
        mkdirSync('dist', { recursive: true })
        writeFileSync(
          join('dist', 'THIRD-PARTY-NOTICES.txt'),
          notices.join(`\n\n${'-'.repeat(80)}\n\n`),
        )
      })
    },
  }
}

/** The directories of the packages that have code in the outputs. */
function bundledPackages(outputs: Outputs): string[] {
  const files = Object.values(outputs).flatMap(({ inputs }) =>
    Object.keys(inputs).filter((file) => inputs[file]!.bytesInOutput > 0),
  )
  const directories = files.flatMap(
    (file) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0] ?? [],
  )
  return [...new Set(directories)].sort((one, other) => nameIn(one).localeCompare(nameIn(other)))
}

function noticeOf(directory: string): string {
  const { name, version, license, repository } = JSON.parse(
    readFileSync(join(directory, 'package.json'), 'utf8'),
  )
  const textsOf = (names: RegExp) =>
    readdirSync(directory)
      .filter((file) => names.test(file))
      .map((file) => readFileSync(join(directory, file), 'utf8').trim())
  const texts = textsOf(/^(licen[cs]e|notice|copying)/i)
  if (texts.length === 0) texts.push(...textsOf(/^readme/i).flatMap(licenceIn))
  if (texts.length === 0) texts.push(`It comes without a text. ${repository?.url ?? ''}`.trim())
  return [`${name} ${version} (${license})`, ...texts].join('\n\n')
}

/** The last section of a readme, where that is the licence. */
function licenceIn(readme: string): string[] {
  return readme.match(/(?<=^#+ *licen[cs]e\n+)[^#]+$/im) ?? []
}

function nameIn(directory: string): string {
  return directory.slice(directory.lastIndexOf('/node_modules/'))
}
