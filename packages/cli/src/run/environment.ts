import { environmentName, type ServicePorts } from '@ports/core'

/** Lists the variables that were set, so that a run within a run can remove them. */
const OWN_VARIABLES = 'PORTS_RUN_VARIABLES'

/** The address for servers, unless the caller has chosen one. */
const LOOPBACK = '127.0.0.1'

export interface RunEnvironment {
  readonly projectName: string
  readonly services: readonly ServicePorts[]
  /** The service whose port is `PORT`, if one of them is to run. */
  readonly serviceName?: string
  readonly instance: string
  /** The top directory of the checkout. */
  readonly root: string
}

/**
 * The variables that tell a program about its project's ports: `<SERVICE>_PORT` and `<SERVICE>_URL`
 * of each service, `<SERVICE>_PORTS` of a service with several ports, `PORT` and `HOST` of the
 * service that is run, and which copy of the project this is.
 */
export function variablesOf(of: RunEnvironment) {
  const { projectName, services, serviceName, instance, root } = of
  const run = services.find((service) => service.serviceName === serviceName)
  const variables: Record<string, string> = {}
  for (const service of services) {
    const name = environmentName(service.serviceName)
    const [first] = service.portNumbers
    variables[`${name}_PORT`] = `${first}`
    if (service.portNumbers.length > 1) variables[`${name}_PORTS`] = service.portNumbers.join(',')
    variables[`${name}_URL`] = `http://localhost:${first}`
  }
  // A service called ports-database must not choose the registry.
  const named = Object.entries(variables).filter(([name]) => !name.startsWith('PORTS_'))
  return {
    ...Object.fromEntries(named),
    ...(run && { PORT: `${run.portNumbers[0]}`, HOST: LOOPBACK }),
    PORTS_PROJECT: projectName,
    PORTS_INSTANCE: instance,
    PORTS_CHECKOUT: root,
  }
}

/**
 * The inherited environment with these variables, and without those that an outer run has set.
 * @param absent services without ports, whose variables would be those of another checkout
 */
export function environmentWith(
  variables: Readonly<Record<string, string>>,
  inherited: NodeJS.ProcessEnv,
  absent: readonly string[],
): NodeJS.ProcessEnv {
  const stale = absent.flatMap((serviceName) => {
    const name = environmentName(serviceName)
    return [`${name}_PORT`, `${name}_PORTS`, `${name}_URL`]
  })
  const isStale = ([name, value = '']: [string, string | undefined]) =>
    stale.includes(name) && !isOfOther(name, value)
  const kept = Object.fromEntries(
    Object.entries(withoutRun(inherited)).filter((each) => !isStale(each)),
  )
  const own = withoutChosen(variables, kept)
  return { ...kept, ...own, [OWN_VARIABLES]: Object.keys(own).join(',') }
}

/** The environment without what `ports run` has set. */
export function withoutRun(inherited: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const outer = (inherited[OWN_VARIABLES] ?? '').split(',')
  return Object.fromEntries(Object.entries(inherited).filter(([name]) => !outer.includes(name)))
}

/** The URL of something other than a website, such as `postgresql://…`. */
const OTHER_SCHEME = /^(?!https?:)[a-z][a-z0-9+.-]*:/i

/**
 * The variables, except those that the caller has set to something else: the address to listen on,
 * and the URL of a service that does not speak HTTP, such as a `DATABASE_URL` with a password.
 */
export function withoutChosen(
  variables: Readonly<Record<string, string>>,
  inherited: NodeJS.ProcessEnv,
): Record<string, string> {
  const isChosen = (name: string) => {
    const value = inherited[name] ?? ''
    return name === 'HOST' ? value !== '' : isOfOther(name, value)
  }
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !isChosen(name)))
}

function isOfOther(name: string, value: string): boolean {
  return name.endsWith('_URL') && OTHER_SCHEME.test(value)
}
