import { setTimeout as sleep } from 'node:timers/promises'
import { InstalledServer } from '@ports/testkit'

/** An installed server that is started again when it ends before the run. */
export class SupervisedServer extends InstalledServer {
  readonly #environment: Record<string, string>
  readonly #onLaunch: (pid: number | undefined) => void

  constructor(
    home: string,
    programs: string,
    environment: Record<string, string>,
    onLaunch: (pid: number | undefined) => void,
  ) {
    super(home, programs)
    this.#environment = environment
    this.#onLaunch = onLaunch
  }

  protected override launch() {
    const postmaster = super.launch(this.#environment)
    this.#onLaunch(postmaster.pid)
    postmaster.once('exit', async () => {
      // The next one cannot start until the backends of the killed one have ended.
      await sleep(100)
      if (!this.isStopping) this.launch()
    })
    return postmaster
  }
}
