import type { ListeningProcess } from './listeningProcesses.js'

/** The working directory of a process, for people to read. Undefined if it cannot be seen. */
export function directoryText({
  directory,
  deletedDirectory,
}: Pick<ListeningProcess, 'directory' | 'deletedDirectory'>): string | undefined {
  return deletedDirectory === undefined ? directory : `${deletedDirectory} (deleted)`
}
