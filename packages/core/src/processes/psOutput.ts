import { shortened } from './shortened.js'

/** A process in the output of ps. */
export interface PsRow {
  readonly pid: number
  readonly parent: number
  readonly uid: number
  /** To the second. */
  readonly startedAt: Date
  readonly command: string
}

/** Without headings. The command is last, because it may contain spaces. */
export const PS_COLUMNS = 'pid=,ppid=,uid=,lstart=,command='

/** Times are in the format of the C locale and in UTC: `Sat Nov 28 04:30:55 2026`. */
const ROW =
  /^ *(?<pid>\d+) +(?<parent>\d+) +(?<uid>\d+) +\w{3} (?<month>\w{3}) +(?<day>\d+) (?<time>\d\d:\d\d:\d\d) (?<year>\d{4}) *(?<command>.*)$/

/** The processes by pid. Rows in another format are left out. */
export function parsePs(output: string): Map<number, PsRow> {
  const rows = output.split('\n').flatMap((line) => {
    const { pid, parent, uid, month, day, time, year, command } = ROW.exec(line)?.groups ?? {}
    const startedAt = new Date(`${day} ${month} ${year} ${time} UTC`)
    if (pid === undefined || Number.isNaN(startedAt.getTime())) return []
    const row: PsRow = {
      pid: Number(pid),
      parent: Number(parent),
      uid: Number(uid),
      startedAt,
      command: shortened(command!),
    }
    return [[row.pid, row] as const]
  })
  return new Map(rows)
}
