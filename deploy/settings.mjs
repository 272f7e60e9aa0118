// cluster.env, and the files that are filled in from it.
import { readFileSync } from 'node:fs'

/** What a file of NAME=value lines says. */
export function parseEnv(text) {
  const lines = text.split('\n').filter((line) => /^\w+=/.test(line))
  return Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2)))
}

/** A file of this folder, with every ${NAME} replaced. */
export function filled(file, settings) {
  return readHere(file).replace(/\$\{(\w+)\}/g, (_, name) => {
    if (!settings[name]) throw new Error(`${file} asks for ${name}, which has no value`)
    return settings[name]
  })
}

export function readHere(file) {
  return readFileSync(new URL(file, import.meta.url), 'utf8')
}
