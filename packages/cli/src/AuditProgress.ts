import { counted } from '@ports/core'
import type { Ora } from 'ora'
import type { Screen } from './Screen.js'

/**
 * Shows the progress of an audit after its first second. Shows nothing if the screen is no
 * terminal.
 */
export class AuditProgress {
  readonly #screen: Screen
  readonly #timer: NodeJS.Timeout
  #text = 'Checking the ports'
  #spinner: Ora | undefined
  #stopped = false

  constructor(screen: Screen) {
    this.#screen = screen
    this.#timer = setTimeout(() => this.#show(), 1000)
  }

  update(checked: number, total: number): void {
    this.#text = `Checked ${checked} of ${counted(total, 'port')}`
    if (this.#spinner) this.#spinner.text = this.#text
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#spinner?.stop()
  }

  async #show(): Promise<void> {
    if (this.#screen.columns === undefined) return
    const { default: ora } = await import('ora')
    if (this.#stopped) return
    this.#spinner = ora({
      text: this.#text,
      color: this.#screen.colours.isColorSupported ? 'cyan' : false,
      // Reading stdin would take Ctrl-C away from us.
      discardStdin: false,
    }).start()
  }
}
