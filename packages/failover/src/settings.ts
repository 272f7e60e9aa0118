// cluster.env, and the files of deploy/ that are filled in from it.
import { readFileSync } from 'node:fs'

export type Settings = Readonly<Record<string, string>>

/** Parses a file of NAME=value lines. */
export function parseEnv(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => /^\w+=/.test(line))
  return Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2)))
}

/** Reads a file of deploy/ and replaces every ${NAME}. */
export function filled(file: string, settings: Settings): string {
  return readDeployed(file).replace(/\$\{(\w+)\}/g, (_, name) => {
    const value = settings[name]
    if (!value) throw new Error(`${file} asks for ${name}, which has no value`)
    return value
  })
}

export function readDeployed(file: string): string {
  return readFileSync(new URL(`../../../deploy/${file}`, import.meta.url), 'utf8')
}
