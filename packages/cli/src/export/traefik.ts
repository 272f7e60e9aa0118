import { isWildcard, type PublicService, publicHttpServices } from './publicServices.js'
import type { TargetCommand } from './Target.js'

export const traefik: TargetCommand = {
  name: 'traefik',
  description: 'Traefik: a router and a service for each service with a Cloudflare hostname',
  help: `
The file is dynamic configuration for the file provider of Traefik 3. The routers listen on the
default entry points. Traefik uses HTTPS to a service of the type https.

Example:
  ports export traefik --output /etc/traefik/dynamic/ports.yml`,
  async render(exported) {
    const { services, omissions } = await publicHttpServices(exported)
    const told = { services: services.length, omissions }
    // Traefik refuses empty mappings.
    const yaml = { under: 'http', inside: '', isList: false }
    if (services.length === 0) return { whole: '', yaml, ...told }
    const { yamlTexts } = await import('./yamlTexts.js')
    const http = {
      routers: Object.fromEntries(services.map((service) => [service.key, routerOf(service)])),
      services: Object.fromEntries(services.map((service) => [service.key, serviceOf(service)])),
    }
    return { ...yamlTexts('http', http), ...told }
  },
}

function routerOf({ key, publicHostname }: PublicService) {
  if (!isWildcard(publicHostname)) return { rule: `Host(\`${publicHostname}\`)`, service: key }
  const domain = publicHostname.slice('*.'.length).replaceAll('.', String.raw`\.`)
  // By default the longest rule takes precedence, and this one is longer than that of an exact
  // name.
  return { rule: `HostRegexp(\`^[^.]+\\.${domain}$\`)`, service: key, priority: 1 }
}

function serviceOf({ scheme, addresses }: PublicService) {
  const servers = addresses.map((address) => ({ url: `${scheme}://${address}` }))
  return { loadBalancer: { servers } }
}
